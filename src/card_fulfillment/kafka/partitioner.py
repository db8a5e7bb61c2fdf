"""Which partition a key belongs to, for every Kafka client there is."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=8_192)  # a card's changes come close together, and hashing is pure Python
def partition_of(key: bytes, partitions: int) -> int:
    """Do as the default partitioner of Kafka's own clients: murmur2 without its sign, modulo."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions

"""Which partition a key belongs to, for every Kafka client there is."""

from typing import Final

# MurmurHash 2 with the seed of Kafka's clients. Each change has a key, and aiokafka's is slow.
_SEED: Final = 0x9747B28C
_UPPER: Final = 0x5BD1  # halves of the multiplier
_LOWER: Final = 0xE995
_32_BITS: Final = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Do as the default partitioner of Kafka's own clients: murmur2 without its sign, modulo."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """As an unsigned number of 32 bits."""
    size = len(data)
    rest = size // 4 * 4
    hashed = _SEED ^ size
    for at in range(0, rest, 4):
        word = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        mixed = _times(word)
        hashed = _times(hashed) ^ _times(mixed ^ (mixed >> 24))
    if rest < size:
        hashed = _times(hashed ^ int.from_bytes(data[rest:], "little"))
    hashed = _times(hashed ^ (hashed >> 13))
    return hashed ^ (hashed >> 15)


def _times(number: int) -> int:
    """By the multiplier, modulo 2**32; half by half, so that no product has 64 bits."""
    upper, lower = number >> 16, number & 0xFFFF
    crossed = upper * _LOWER + lower * _UPPER
    return (lower * _LOWER + ((crossed & 0xFFFF) << 16)) & _32_BITS

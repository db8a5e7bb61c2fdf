import pytest
from aiokafka import partitioner
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.kafka.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [  # what Kafka's own clients compute
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_goes_where_other_kafka_clients_would_put_it(key: bytes, hashed: int) -> None:
    for partitions in (1, 6, 7, 1000):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@given(key=st.binary(max_size=80))
def test_a_key_is_hashed_as_the_client_library_does(key: bytes) -> None:
    assert murmur2(key) == partitioner.murmur2(key)

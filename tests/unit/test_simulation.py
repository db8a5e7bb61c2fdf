"""Whole workers on simulated servers: killed, frozen, cut off, and still all of it once, in order.

What is simulated is Kafka, Postgres and time; what is at work is the worker's own: decoder, intake,
appliers, fan-out and relays.
"""

from hypothesis import given
from hypothesis import strategies as st
from installation import seeded
from simulated_cluster import Cluster
from virtual_time import run_virtually

from agreement import assert_accounted, assert_agrees
from card_fulfillment.pipeline.batch import Partition
from deliveries import deliveries
from snapshot import check
from stories import statements
from witness import Witness


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 12), st.sampled_from([0, 1, 5, 15]))
def test_whatever_happens_to_workers_everything_is_applied_and_published_once_and_in_order(
    seed: int, processes: int, misfortunes: int, trouble: int
) -> None:
    rng = seeded(seed)
    told = [each for batch in deliveries(rng, statements(rng)) for each in batch]
    partitions = sorted({Partition(each.topic, each.partition) for each in told})
    cluster = Cluster(rng, partitions, trouble=trouble)
    run_virtually(cluster.work(told, processes, misfortunes))
    assert cluster.weather.broken == []

    witness = Witness()
    for batch in cluster.servers.database.committed:
        witness.hear(cluster.servers.inputs.as_sent(batch))
    snapshot = run_virtually(cluster.servers.database.snapshot())
    check(snapshot, rebound=witness.rebound)
    assert_accounted(snapshot, witness)
    assert_agrees(snapshot, witness.told)

"""The composition root: starts the worker in order, and ends it when it is told to."""

import gc

import structlog

from card_fulfillment.compiled import COMPILED
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.process import told_to_stop, unless_stopped
from card_fulfillment.settings import Settings
from card_fulfillment.starting import Misfit, check_outputs, check_topics, checked_lanes
from card_fulfillment.topology import Topology, topology
from card_fulfillment.worker import Worker

log = structlog.get_logger("card_fulfillment")


async def run(settings: Settings) -> None:
    """The worker, until SIGTERM or SIGINT. Raises Unreachable, Misfit or Alarmed at start."""
    known = topology(settings)
    stop = told_to_stop()
    lanes = await unless_stopped(stop, _ready(settings, known))
    if lanes is None:
        return
    _collect_seldom()
    inputs = sorted(known.readers)
    log.info("worker.starting", inputs=inputs, lanes=len(lanes), compiled=COMPILED)
    await Worker(settings, known, lanes).run(stop)
    log.info("worker.stopped")


async def _ready(settings: Settings, known: Topology) -> Lanes:
    findings = await check_topics(settings, known, check_only=True)
    if findings:
        raise Misfit("; ".join(findings) + ": `card-fulfillment topics` creates what is missing")
    lanes = await checked_lanes(settings, known)
    await check_outputs(settings, lanes)
    return lanes


def _collect_seldom() -> None:
    """Batches die by reference counts; looking for cycles among them costs a third of the time.

    What is in cycles all the same is collected now and then, by the worker; of what there is since
    the start, nothing is worth looking for.
    """
    gc.freeze()
    gc.disable()

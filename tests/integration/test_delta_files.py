"""Return files of Delta Cards, from bytes to what subscribers and operators are told."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import orjson

from builders import NOW, Log, Sent, announcement, hour, order, publishing, sent, sized
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.naming import Reference, SubjectKind, bulk_issuance
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.file_sweep import sweep_files
from card_fulfillment.pipeline.readers import vendor_tracking
from card_fulfillment.vendors.profile import load_profiles
from postgres_state import opened

_TOPIC = "perso-vendor-tracking-delta"
_READ = vendor_tracking(load_profiles()["delta"])
_BATCH = Reference("delta", "batch_ref", "BLK8009ACE0")


def _sent(lines: Iterable[dict[str, Any]]) -> list[Sent]:
    records = [Record(_TOPIC, 0, 0, hour(0), None, orjson.dumps(line)) for line in lines]
    return [sent(*_READ(record), topic=_TOPIC) for record in records]


def _file(sequence: int, *cartons: tuple[int, int], total: int) -> list[dict[str, Any]]:
    """A file that tells of cartons, each with its serials, and then of their sum."""
    name = {"file": f"DLT_RET_{sequence:04}.csv", "file_seq": sequence}
    lines = [
        name
        | {"line": place, "rec": "D", "batch_ref": _BATCH.value, "stat": "40"}
        | {"stat_dt": "09/03/2026", "card_seq_from": f"{first:05}", "card_seq_to": f"{last:05}"}
        | {"qty": str(last - first + 1), "carton": f"{place}/3", "awb": f"AX{place}"}
        for place, (first, last) in enumerate(cartons, 1)
    ]
    return [*lines, name | {"line": len(lines) + 1, "rec": "T", "qty": str(total)}]


async def test_what_does_not_add_up_is_told_to_subscribers_and_operators(dsn: str) -> None:
    known: list[Statement] = [
        sized(announcement("c1", bulk="b1", serial=1), 5000),
        order(bulk_issuance("b1"), 1, _BATCH, vendor="delta"),
    ]
    first = _file(17, (1, 2400), (2401, 4800), (4801, 4998), total=4998)
    third = _file(19, (1, 2400), total=2401)
    log = Log()
    batches = [[sent(each) for each in known], _sent(third), _sent(first), _sent(first)]
    async with opened(dsn) as state:
        applier, sweeper = Applier(state.store(), publishing()), state.sweeping_store()
        for records in batches:
            batch = log.batch(records)
            await state.begin(batch.moves)
            await applier.apply(batch, NOW)
        await sweep_files(sweeper.transaction, timedelta(0), publishing(), NOW)
        snapshot = await state.snapshot()

    last = snapshot.journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    found = {d["name"]: (d["expected"], d["reported"], d["serials"]) for d in last["discrepancies"]}
    assert found == {
        "total_mismatch": (5000, [2401, 4998], []),
        "short_shipment": (5000, [4998], [[4999, 5000]]),
    }
    assert snapshot.dead_letters == ["file_gap", "file_total_mismatch"]
    counted = snapshot.positions[next(p for p in snapshot.positions if p.topic == _TOPIC)].counted
    assert counted == {"applied": 6, "duplicate": 4}

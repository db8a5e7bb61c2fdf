"""Bulk issuances and their parcels as columns; see `rows`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from card_fulfillment.domain.bulk import Because, Bulk, Common, Member, RollUp, roll_up
from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.discrepancies import Discrepancy, DiscrepancyName
from card_fulfillment.domain.facts import Cause, ParcelRole
from card_fulfillment.domain.files import FileName
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import OUTBOUND_ALONE, Line, Parcel, Reports, Said
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.domain.status import Status
from card_fulfillment.postgres.rows import (
    Json,
    dump,
    dump_claim,
    dump_detail,
    dump_registers,
    load_claim,
    load_detail,
    load_registers,
    reference_of,
    reference_text,
)

BULK_COLUMNS: Final = (
    "version, last_number, reset_number, spread_number, dirty, counts::text, journey::text"
)
PARCEL_COLUMNS: Final = "reference, lines::text, journey::text"


def bulk_row(bulk_id: str, bulk: Bulk) -> Sequence[Any]:
    told = bulk.told
    return (
        bulk_id,
        bulk.total,
        bulk.announced,
        told.status.value if told else None,
        bulk.said.attempt,
        bulk.version,
        bulk.last_number,
        bulk.reset_number,
        bulk.spread_number,
        bulk.dirty,
        dump([(status, attempt, n) for (status, attempt), n in sorted(bulk.counts.items())]),
        _dump_journey(bulk),
    )


def _dump_journey(bulk: Bulk) -> Json:
    said = bulk.said
    return dump(
        {
            "common": bulk.common,
            "sizes": sorted(bulk.sizes),
            "greatest_serial": bulk.greatest_serial,
            "taken_twice": bulk.taken_twice,
            "attempt": said.attempt,
            "claim": dump_claim(said.claim) if said.claim else None,
            "registers": dump_registers(said.registers),
            "reports": _dump_reports(said.reports),
            "told": _dump_told(bulk.told) if bulk.told else None,
            "told_final": bulk.told is not None and bulk.told.final,
            "because": bulk.because and _dump_because(bulk.because),
            "reset_by": bulk.reset_by,
            "filed": [(*name, sorted(totals)) for name, totals in sorted(bulk.filed.items())],
        }
    )


def _dump_reports(reports: Reports) -> dict[str, Any]:
    return {
        "reach": reports.reach,
        "totals": sorted(reports.totals),
        "miscounted": sorted(reports.miscounted),
        "cartons": sorted(reports.cartons),
        "filled": sorted(reports.filled),
        "handed_over": sorted(reports.handed_over.items()),
    }


def _dump_told(told: RollUp) -> dict[str, Any]:
    """All but `final`, which stands beside it: older workers take no other names in here."""
    parcels = [(reference_text(r), status) for r, status in told.parcels.items()]
    counts = {status.value: n for status, n in told.counts.items()}
    known = told._asdict() | {"parcels": parcels, "counts": counts}
    return {name: value for name, value in known.items() if name != "final"}


def load_bulk(columns: Sequence[Any], parcels: dict[Reference, Parcel]) -> Bulk:
    """Of BULK_COLUMNS; a row without a journey is a placeholder."""
    version, last, reset, spread, dirty, counts, journey = columns
    if journey is None:
        return Bulk()
    stored = orjson.loads(journey)
    told = stored["told"]
    bulk = Bulk(
        common=Common(*stored["common"]) if stored["common"] else None,
        sizes=frozenset(stored["sizes"]),
        counts={Member(Status(s), attempt): n for s, attempt, n in orjson.loads(counts)},
        greatest_serial=stored["greatest_serial"],
        taken_twice=_ranges(stored["taken_twice"]),
        said=Said(
            stored["attempt"],
            load_claim(stored["claim"]),
            load_registers(stored["registers"]),
            parcels,
            _load_reports(stored["reports"]),
        ),
        last_number=last,
        reset_number=reset,
        reset_by=Cause(*stored["reset_by"]) if stored.get("reset_by") else None,
        spread_number=spread,
        version=version,
        told=_load_told(told, final=stored.get("told_final", False)) if told else None,
        because=_load_because(stored["because"]),
        dirty=dirty,
        filed={FileName(*name): frozenset(totals) for *name, totals in stored["filed"]},
    )
    return bulk if "told_final" in stored else _as_if_told(bulk)


def _as_if_told(bulk: Bulk) -> Bulk:
    """A row of before there was `told_final`: whether it is final now counts as told."""
    told = bulk.told and bulk.told._replace(final=roll_up(bulk).final)
    return replace(bulk, told=told)


def _ranges(stored: Sequence[Sequence[int]]) -> Ranges:
    return tuple((first, last) for first, last in stored)


def _load_reports(stored: dict[str, Any]) -> Reports:
    return Reports(
        reach=stored["reach"],
        totals=frozenset(stored["totals"]),
        miscounted=frozenset((tuple(serials), n) for serials, n in stored["miscounted"]),
        cartons=frozenset(tuple(each) for each in stored["cartons"]),
        filled=frozenset(tuple(each) for each in stored.get("filled", stored["cartons"])),
        handed_over={attempt: _ranges(ranges) for attempt, ranges in stored["handed_over"]},
    )


def _load_told(stored: dict[str, Any], *, final: bool) -> RollUp:
    return RollUp(
        **stored
        | {
            "status": Status(stored["status"]),
            "counts": {Status(name): n for name, n in stored["counts"].items()},
            "parcels": {
                reference_of(text): None if status is None else Status(status)
                for text, status in stored["parcels"]
            },
            "discrepancies": tuple(_load_discrepancy(*d) for d in stored["discrepancies"]),
            "final": final,
        }
    )


def _load_discrepancy(
    name: str, expected: int | None, reported: Sequence[int], *ranges: Sequence[Sequence[int]]
) -> Discrepancy:
    return Discrepancy(DiscrepancyName(name), expected, tuple(reported), *map(_ranges, ranges))


def _dump_because(because: Because) -> tuple[Any, ...]:
    return (because.status, dump_detail(because.detail), because.cause)


def _load_because(stored: Sequence[Any] | None) -> Because | None:
    if stored is None:
        return None
    status, detail, cause = stored
    known: Detail = load_detail(detail)
    return Because(None if status is None else Status(status), known, Cause(*cause))


def parcel_row(bulk_id: str, reference: Reference, parcel: Parcel) -> Sequence[Any]:
    lines = [(*(serials or (None, None)), number) for serials, number in parcel.lines]
    journey: dict[str, Any] = {
        "named": parcel.named,
        "facts": [fact_id.hex() for fact_id in parcel.facts],
        "claim": dump_claim(parcel.claim) if parcel.claim else None,
        "registers": dump_registers(parcel.registers),
        "carton": parcel.carton,
    }
    if parcel.roles != OUTBOUND_ALONE:
        journey["roles"] = sorted(parcel.roles)
    return (bulk_id, reference_text(reference), dump(lines), dump(journey))


def load_parcel(text: str, lines: Json, journey: Json) -> tuple[Reference, Parcel]:
    stored = orjson.loads(journey)
    carton = stored["carton"]
    return reference_of(text), Parcel(
        named=stored["named"],
        lines=tuple(
            Line(None if first is None else (first, last), number)
            for first, last, number in orjson.loads(lines)
        ),
        facts=tuple(bytes.fromhex(fact_id) for fact_id in stored["facts"]),
        claim=load_claim(stored["claim"]),
        registers=load_registers(stored["registers"]),
        carton=None if carton is None else (carton[0], carton[1]),
        roles=frozenset(map(ParcelRole, stored.get("roles", OUTBOUND_ALONE))),
    )

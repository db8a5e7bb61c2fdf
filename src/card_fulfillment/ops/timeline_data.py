"""Cards and bulk issuances in full, as plain data for JSON.

Events are as they were published. Times are ISO 8601 in UTC.
"""

from collections.abc import Iterable
from typing import Any

from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.file_accounts import FileAccount
from card_fulfillment.domain.naming import Reference
from card_fulfillment.messages.event_parts import caused_by
from card_fulfillment.messages.times import iso_utc, to_micros
from card_fulfillment.pipeline.timeline import (
    Astray,
    Bound,
    BulkTimeline,
    OpenLetter,
    Remembered,
    Timeline,
)

Data = dict[str, Any]


def card(timeline: Timeline) -> Data:
    """A card: its facts, and those of its bulk issuance that concern it, each in their order."""
    return {
        "card_id": timeline.card_id,
        "published": list(timeline.changes),
        "facts": facts(timeline.history),
        "facts_of_bulk_issuance": facts(timeline.through_bulk),
        "facts_folded": timeline.folded,
        "names": names(timeline.bound),
        "dead_letters": letters(timeline.dead_letters),
    }


def bulk_issuance(timeline: BulkTimeline) -> Data:
    """A bulk issuance: `earlier_…` is how many events and facts are left out."""
    return {
        "bulk_issuance_id": timeline.bulk_id,
        "published": list(timeline.changes.newest),
        "earlier_published": timeline.changes.more,
        "facts": facts(timeline.history.newest),
        "earlier_facts": timeline.history.more,
        "facts_numbered": timeline.bulk.last_number,
        "facts_spread": timeline.bulk.spread_number,
        "some_exceptions": [_astray(each) for each in timeline.astray],
        "files": [_file(each) for each in timeline.files],
        "names": names(timeline.bound),
        "dead_letters": letters(timeline.dead_letters),
    }


def names(bound: Iterable[Bound]) -> list[Data]:
    """What vendors call whom, and since when."""
    return [
        {
            **_reference(reference),
            "subject": binding.subject.kind,
            "id": binding.subject.id,
            "attempt": binding.attempt,
            "parcel_role": binding.side or ParcelRole.OUTBOUND,
            "valid_from": iso_utc(binding.valid_from),
        }
        for reference, binding in bound
    ]


def facts(found: Iterable[Remembered]) -> list[Data]:
    return [_remembered(each) for each in found]


def letters(found: Iterable[OpenLetter]) -> list[Data]:
    return [
        {**each._asdict(), "record_timestamp": iso_utc(each.record_timestamp)} for each in found
    ]


def _remembered(each: Remembered) -> Data:
    return {
        **_fact(each.fact),
        "outcome": each.outcome,
        "attempt": each.attempt,
        "parcel_role": each.parcel_role,
        "number": each.number,
        "copies": each.copies,
        "recorded_at": iso_utc(to_micros(each.recorded_at)),
    }


def _fact(fact: Fact) -> Data:
    detail = fact.detail
    return {
        "fact_id": fact.fact_id.hex(),
        "status": fact.status,
        "occurred_at": iso_utc(detail.occurred_at),
        "occurred_at_precision": detail.precision,
        "time_fallback": fact.time_fallback,
        "received_at": iso_utc(detail.received_at),
        "reason_code": detail.reason,
        "evidence": detail.evidence,
        "vendor": {"id": detail.vendor, "code": detail.code, "text": detail.text},
        "references": [_reference(each) for each in fact.references],
        "names": [_reference(each) for _, each in fact.names],
        "serials": fact.serials,
        "carton": fact.carton,
        "quantity": fact.quantity,
        "attributes": {name.value: value for name, value in fact.attributes.items()},
        "alert": fact.alert,
        "mapping_version": fact.mapping_version,
        "cause": caused_by(fact.cause),
    }


def _reference(each: Reference) -> Data:
    return {"vendor": each.vendor, "kind": each.kind, "value": each.value}


def _astray(each: Astray) -> Data:
    return {"card_id": each.card_id, "serial_number": each.serial, **each.member._asdict()}


def _file(each: FileAccount) -> Data:
    return {
        **each.name._asdict(),
        "sequence": each.sequence,
        "lines": each.lines,
        "cards": each.quantity,
        "discrepancies": [found._asdict() for found in each.discrepancies],
    }

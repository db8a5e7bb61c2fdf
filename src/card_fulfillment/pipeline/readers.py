"""How each input topic is read: which message it carries, or whose dialect it speaks."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from card_fulfillment.domain.facts import NOTHING, Cause
from card_fulfillment.messages.cloud_events import traceparent
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.inbound import (
    ShippingTerms,
    decode_card_created,
    decode_embossing_requested,
)
from card_fulfillment.pipeline.batch import Element
from card_fulfillment.pipeline.decode import Reader
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.outcomes import Outcome, Unusable
from card_fulfillment.vendors.profile import Profile

_MOST_CODE: Final = 64
# Shipping methods that were asked for lately: vendors have a few.
_REMEMBERED: Final = 256
_REASONS: Final = {reason.value: reason for reason in RefusalReason}


def card_created(record: Record) -> Iterable[Element]:
    return (decode_card_created(record),)


def embossing_requested(profiles: Mapping[str, Profile]) -> Reader:
    """What a shipping method means is in the profile of the vendor that is ordered."""

    def terms(vendor: str, method: str | None, tracked: bool | None) -> ShippingTerms:  # noqa: FBT001 - the request's word
        profile = profiles.get(vendor)
        if profile is None:
            return ShippingTerms(tracked, None)
        known = profile.methods.get(method) if method is not None else None
        return ShippingTerms(profile.tracked(method, tracked), known.carrier if known else None)

    remembered = lru_cache(_REMEMBERED)(terms)
    return lambda record: (decode_embossing_requested(record, remembered),)


def vendor_tracking(profile: Profile) -> Reader:
    def read(record: Record) -> Iterable[Element]:
        outcomes = map_message(
            profile,
            record.value or b"",
            received_at=record.timestamp,
            headers=dict(record.headers) if record.headers else NOTHING,
            cause=Cause(
                None,
                record.topic,
                record.partition,
                record.offset,
                traceparent(record) if record.headers else None,
            ),
        )
        return [_element(profile, outcome) for outcome in outcomes]

    return read


def _element(profile: Profile, outcome: Outcome) -> Element:
    if isinstance(outcome, Unusable):
        reason, message = _REASONS[outcome.reason], _named(outcome)
        return Refused(reason, outcome.path, message, profile.vendor, profile.version)
    return outcome


def _named(unusable: Unusable) -> str:
    """The code is what the operator has to add to the profile."""
    if unusable.code is None:
        return unusable.message
    return f"{unusable.message}: {unusable.code[:_MOST_CODE]!r}"

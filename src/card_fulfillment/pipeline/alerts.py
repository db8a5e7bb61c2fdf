"""Facts that wait and should not, or that a vendor wants to be looked at."""

from collections.abc import Iterable, Mapping

from card_fulfillment.domain.facts import Fact
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.placement import Placement
from card_fulfillment.pipeline.view import Places, View


def alerts(placement: Placement, view: View) -> list[DeadLetter]:
    """What is wrong with facts that wait, as is known from now on."""
    return [
        *(
            DeadLetter.about(
                fact,
                RefusalReason.REFERENCE_CONFLICT,
                "its references mean different subjects; it waits until they agree",
            )
            for fact in map(view.as_first_told, placement.held)
        ),
        *(
            DeadLetter.about(
                fact,
                RefusalReason.VENDOR_MISMATCH,
                "it names a card or bulk issuance that was ordered, but not from this vendor; "
                "it waits for such an order",
            )
            for fact in map(view.as_first_told, placement.mismatched)
        ),
    ]


def vendor_alerts(facts: Iterable[Fact], places: Mapping[bytes, Places]) -> list[DeadLetter]:
    """What vendors' new facts want somebody to look at.

    The letter has the id of the one whom it is about as its key, else a name by which somebody is
    found: so it is in the timeline.
    """
    return [
        DeadLetter.about(
            fact,
            RefusalReason.VENDOR_ALERT,
            f"{fact.alert}: the vendor says {fact.code}" + (f", {fact.text}" if fact.text else ""),
            _found_by(fact, places.get(fact.fact_id, {})),
        )
        for fact in facts
        if fact.alert is not None
    ]


def _found_by(fact: Fact, places: Places) -> bytes:
    ids = [subject.id for subject in places]
    return (ids[0] if len(ids) == 1 else fact.references[0].value).encode()


def deadline_alerts(facts: Iterable[Fact]) -> list[DeadLetter]:
    """The alert of each fact that waited for too long."""
    return [DeadLetter.about(f, RefusalReason.PARKING_DEADLINE, _lacks(f)) for f in facts]


def _lacks(fact: Fact) -> str:
    """An order says itself whom it is about; a vendor's fact has references for that."""
    if fact.references:
        missing = "orders or announces whom it is about"
    else:
        missing = "announces the card or bulk issuance that it asks for"
    return f"nothing that came until its deadline {missing}; it goes on waiting"


def alert_ids(fact: Fact) -> list[str]:
    """The ids of the dead letters that any alert about the fact has."""
    reasons = (
        RefusalReason.REFERENCE_CONFLICT,
        RefusalReason.VENDOR_MISMATCH,
        RefusalReason.PARKING_DEADLINE,
    )
    return [DeadLetter.about(fact, reason, "").dead_letter_id for reason in reasons]

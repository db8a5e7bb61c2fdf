"""The decision: a batch and the locked state that it needs, in; everything that changes, out.

Pure.
"""

from collections import Counter, defaultdict

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import is_issuers_name
from card_fulfillment.pipeline.admission import Admission, Admitted, Verdict
from card_fulfillment.pipeline.alerts import alerts, vendor_alerts
from card_fulfillment.pipeline.batch import SEVERITY, Batch, Partition, RecordClass
from card_fulfillment.pipeline.effects import Effects, NewFact
from card_fulfillment.pipeline.filing import filed_totals, files_with
from card_fulfillment.pipeline.folding import Folding, announced_bulks
from card_fulfillment.pipeline.placement import Placement
from card_fulfillment.pipeline.ports import MOST_PLACES, Unwieldy
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.view import NOWHERE, Places, View


def decide(batch: Batch, view: View, publishing: Publishing, now: int) -> Effects:
    """What the batch changes. `now`: the worker's clock, microseconds, informational.

    Raises Unwieldy.
    """
    announced = {i: state.identity for i, state in view.cards.items() if state.identity}
    admission = Admission(view.seen, announced, view.lines, publishing.masks)
    for decoded in batch.decoded:
        admission.take(decoded)
    placement = Placement(view, admission.identities, publishing.windows, admission.retimed)
    for announcement in admission.announcements:
        placement.announce(announcement)
    for order in admission.orders:
        placement.order(order)
    tracking = admission.tracking
    placement.track(tracking)
    if sum(map(len, placement.places.values())) > MOST_PLACES:
        raise Unwieldy(f"its facts are about more than {MOST_PLACES:,} subjects in all")
    files = files_with(admission.lines.values(), view)
    effects = Effects(
        bindings={r: b for r, b in placement.bound.items() if not is_issuers_name(r)},
        waits=placement.waits,
        woken=placement.woken,
        dead_letters=list(admission.dead_letters.values()),
        moves=batch.moves,
        retimed={i: view.as_first_told(copy) for i, copy in admission.retimed.items()},
        lines=admission.lines,
        files=files,
    )
    effects.dead_letters += alerts(placement, view)
    effects.dead_letters += vendor_alerts(tracking, placement.places)
    folding = Folding(effects, view, placement, admission.identities, publishing, now)
    filed = filed_totals(admission.lines.values(), files, view, placement.bindings)
    folding.fold(announced_bulks(admission, filed))
    # What facts are to their subjects is known from here on: it is stored and counted after that.
    effects.changes += [publishing.dead_letter(d, now) for d in effects.dead_letters]
    _store_facts(effects, admission, placement)
    effects.settled = [view.as_first_told(fact) for fact in placement.settled()]
    effects.counts = _counts(admission.records, placement.places)
    return effects


def _store_facts(effects: Effects, admission: Admission, placement: Placement) -> None:
    """New facts take their copies with them; what is left are copies of stored ones."""
    for fact_id, fact in admission.new.items():
        places = placement.places.get(fact_id, {})
        effects.facts.append(NewFact(fact, places, 1 + admission.copies.pop(fact_id, 0)))
    effects.copies = admission.copies
    effects.places = {i: places for i, places in placement.places.items() if i not in admission.new}


def _counts(
    records: list[Admitted], places: dict[bytes, Places]
) -> dict[Partition, Counter[RecordClass]]:
    counts: defaultdict[Partition, Counter[RecordClass]] = defaultdict(Counter)
    for (topic, partition, worst), count in Counter(
        (each.record.topic, each.record.partition, _worst(each.verdicts, places))
        for each in records
    ).items():
        counts[Partition(topic, partition)][worst] = count
    return dict(counts)


def _worst(verdicts: list[Verdict], places: dict[bytes, Places]) -> RecordClass:
    worst = RecordClass.IGNORED  # the least severe
    for verdict in verdicts:
        became = _became(verdict, places)
        if SEVERITY[became] < SEVERITY[worst]:
            worst = became
    return worst


def _became(verdict: Verdict, places: dict[bytes, Places]) -> RecordClass:
    if not isinstance(verdict, Fact):
        return verdict
    for place in places.get(verdict.fact_id, NOWHERE).values():
        if place.outcome is not FactOutcome.PARKED:
            return RecordClass.APPLIED
    return RecordClass.PARKED

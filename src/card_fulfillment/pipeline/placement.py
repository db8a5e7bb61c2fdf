"""Whom facts are about: binding what a batch names, placing the facts that it brings or unlocks.

A new binding can also change whom stored facts are about. Their subjects are refolded.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from card_fulfillment.domain.bindings import (
    Binding,
    Bindings,
    Held,
    Resolution,
    by_announcement,
    is_crowded,
    membership,
    ordered_elsewhere,
    ordering,
    own_names,
    resolve,
    through_bulk,
    with_bulks,
)
from card_fulfillment.domain.claims import Entry, entry
from card_fulfillment.domain.facts import Announcement, CardIdentity, Cause, Fact, Order
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import (
    OWN_KIND,
    Reference,
    Subject,
    bulk_issuance,
    card,
    issuers_name,
)
from card_fulfillment.domain.senses import Sense, side_named
from card_fulfillment.domain.value import Value
from card_fulfillment.domain.windows import Windows
from card_fulfillment.pipeline.contested import moves_issuers_facts
from card_fulfillment.pipeline.view import Place, Places, StoredFact, View

# Facts that name a reference can take back what they bound: so it would stay crowded.
_CROWDS_KEPT: Final = 2


class Gain(Value):
    """What a subject gains by a batch.

    lost: null unless facts that it had are about it no more, or in another attempt: then the record
        that bound them anew, for which the subject is refolded.
    """

    __match_args__ = ("entries", "lost")

    def __init__(self, entries: list[Entry], lost: Cause | None) -> None:
        self.entries: Final = entries
        self.lost: Final = lost


class Placement:
    """Facts on their way to the subjects that they are about.

    places: of every fact touched, its subjects. bound: all bindings of references that have others
        than before. moved: ids of stored facts that were taken from some subject, or attempt.
    held: facts whose references contradict each other from now on.
    mismatched: facts about nobody that name somebody whom others were asked for, as is known now.
    waits, woken: (reference, fact id) where a fact waits for the reference from now on, or no more.
    """

    def __init__(
        self,
        view: View,
        identities: Mapping[str, CardIdentity],
        windows: Windows,
        retimed: Mapping[bytes, Fact] = MappingProxyType({}),
    ) -> None:
        """retimed: earlier copies of stored facts, which take their place."""
        self._view, self._retimed, self._windows = view, retimed, windows
        self._bindings = dict(view.bindings)
        self._bulk_of = {i: card.bulk_issuance_id for i, card in identities.items()}
        self._stored = {s.fact.fact_id: s for h in view.histories.values() for s in h}
        self._stored |= view.waiting | view.retimed
        self._stored |= {i: StoredFact(f, self._stored[i].places) for i, f in retimed.items()}
        self._announced: dict[Subject, Fact] = {}
        self._gained: dict[Subject, list[Entry]] = {}
        self._lost: dict[Subject, Cause] = {}
        self._bound_by: dict[Reference, Fact] = {}  # what bound it anew now, last
        self._settled: list[Fact] = []
        self.bound: dict[Reference, Held] = {}
        self.places: dict[bytes, dict[Subject, Place]] = {}
        self.moved: set[bytes] = set()
        self.held: list[Fact] = []
        self.mismatched: list[Fact] = []
        self.waits: list[tuple[Reference, bytes]] = []
        self.woken: list[tuple[Reference, bytes]] = []

    def announce(self, announcement: Announcement) -> None:
        """The card is there: what was stored for it until now is folded with its announcement."""
        subject = card(announcement.card.card_id)
        self._announced[subject] = announcement.fact
        self._name(subject, by_announcement(subject), announcement.fact)
        if announcement.card.bulk_issuance_id is not None:
            bulk = bulk_issuance(announcement.card.bulk_issuance_id)
            self._name(bulk, by_announcement(bulk), announcement.fact)
        self._place(announcement.fact, {}, {subject: Sense(1)})

    def order(self, order: Order) -> None:
        means = Sense(order.attempt)
        for reference in order.references:
            if not is_crowded(self._bindings.get(reference, ()), _CROWDS_KEPT):
                self._bind(reference, order.subject, means, order.fact)
        named = Binding(order.subject, order.attempt, order.fact.stated, order.fact.fact_id)
        moves = moves_issuers_facts(order, self._view)
        self._name(order.subject, named, order.fact if moves else None)
        self._place(order.fact, {}, {order.subject: means})

    def track(self, facts: Iterable[Fact]) -> None:
        """Place new facts, and stored ones of whose references something is bound now.

        Level by level: what a fact names is bound before the facts that are found by it are placed.
        The stored ones by their ids, in whatever order they were read: what binds a name last is
        told to be the cause.
        """
        found = (s.fact for s in self._stored.values() if s.fact.references)
        stored = sorted(found, key=lambda f: f.fact_id)
        for fact in sorted((*facts, *stored), key=lambda f: f.level):
            if fact.fact_id not in self._stored:
                self._track(fact, {})
            elif fact.fact_id in self._retimed:
                self._track(fact, self._stored[fact.fact_id].places, anew=True)
            elif fact.fact_id in self._view.waiting or self._is_rebound(fact):
                self._track(fact, self._stored[fact.fact_id].places)

    @property
    def bindings(self) -> Bindings:
        """Of the references that are needed, as they are with the batch."""
        return self._bindings

    def gains(self) -> Mapping[Subject, Gain]:
        """By subject, what it has to fold."""
        gains = {s: Gain(entries, self._lost.get(s)) for s, entries in self._gained.items()}
        return gains | {s: Gain([], lost) for s, lost in self._lost.items() if s not in gains}

    def is_announced(self, subject: Subject) -> bool:
        """Whether this batch announces the card."""
        return subject in self._announced

    def kept(self, subject: Subject) -> list[StoredFact]:
        """The facts that it had before this batch and still has, as what they are to it."""
        new = {each.fact.fact_id for each in self._gained.get(subject, ())}
        kept = []
        for fact, before in self._view.histories.get(subject, ()):
            places = self.places.get(fact.fact_id, before)
            if subject in places and fact.fact_id not in new:
                kept.append(StoredFact(fact, places))
        return kept

    def touch(self, stored: StoredFact) -> None:
        """The places of a stored fact are written again."""
        self.places.setdefault(stored.fact.fact_id, dict(stored.places))

    def settle(self, stored: Iterable[StoredFact]) -> None:
        """Take facts about a bulk that waited for its first card as what waits no more."""
        for each in stored:
            self.touch(each)
            self._settled.append(each.fact)

    def settled(self) -> list[Fact]:
        """Stored facts that waited for somebody announced to be about, until now."""
        applied = [
            stored.fact
            for fact_id, stored in self._stored.items()
            if _waits(stored.places) and not _waits(self.places.get(fact_id, stored.places))
        ]
        return [*applied, *self._settled]

    def _is_rebound(self, fact: Fact) -> bool:
        """Through its bulk, too. What names a card that is announced now waited for that."""
        return any(r in self.bound or self._through(r) in self.bound for r in fact.references)

    def _through(self, reference: Reference) -> Reference | None:
        return through_bulk(reference, self._bulk_of)

    def _track(self, fact: Fact, before: Places, *, anew: bool = False) -> None:
        found = resolve(self._bindings, fact, self._bulk_of)
        self._wait(fact, found)
        if found.subjects is None and self._is_mismatched_now(fact):
            self.mismatched.append(fact)
        if found.subjects == {} and not self._was_held(fact):
            self.held.append(fact)
        self._place(fact, before, found.subjects or {}, anew=anew)

    def _is_mismatched_now(self, fact: Fact) -> bool:
        if not ordered_elsewhere(self._bindings, fact, self._bulk_of):
            return False
        is_new = fact.fact_id not in self._stored
        return is_new or not ordered_elsewhere(self._view.bindings, fact, self._view.bulk_of)

    def _was_held(self, fact: Fact) -> bool:
        """As it was stored: with the time that it had, and without the cards announced now."""
        if fact.fact_id not in self._stored:
            return False
        before = self._view.retimed.get(fact.fact_id, self._stored[fact.fact_id]).fact
        return resolve(self._view.bindings, before, self._view.bulk_of).subjects == {}

    def _wait(self, fact: Fact, found: Resolution) -> None:
        if fact.fact_id not in self._stored and not found.unbound and not found.unannounced:
            return
        unbound = with_bulks(found.unbound, self._bulk_of)
        unbound.update([ordering(r.value) for r in own_names(unbound)])
        unbound.update(map(membership, found.unannounced))
        self.waits += [(r, fact.fact_id) for r in unbound]
        if fact.fact_id in self._stored:
            self.woken += [(r, fact.fact_id) for r in self._waited_for(fact) - unbound]

    def _waited_for(self, fact: Fact) -> set[Reference]:
        """All that a stored fact can have waited for."""
        waited = with_bulks(fact.references, self._bulk_of)
        met = {r.value for r in fact.references if r.kind == OWN_KIND}
        met.update(b.subject.id for r in fact.references for b in self._bindings.get(r, ()))
        orders = (ordering(r.value) for r in own_names(waited))
        return waited.union(map(membership, met), orders)

    def _place(
        self, fact: Fact, before: Places, after: dict[Subject, Sense], *, anew: bool = False
    ) -> None:
        """anew: its time is another, so that subjects which it stays about fold it again, too."""
        places = {s: p for s, p in before.items() if after.get(s) == p.sense and not anew}
        if len(places) == len(before) == len(after) and not anew:
            return
        if len(places) < len(before):
            self._take_away(fact, before.keys() - places.keys())
        self.places[fact.fact_id] = places
        for subject, means in after.items():
            if subject not in places:
                places[subject] = Place(means.attempt, FactOutcome.PARKED, side=means.side)
                gained = self._gained.setdefault(subject, [])
                gained.append(entry(fact, means.attempt, side=means.side))
        self._rename(fact, after)

    def _take_away(self, fact: Fact, lost: Iterable[Subject]) -> None:
        """The fact is about these no more, or about something else of them: they are refolded."""
        cause = next(self._binders_of(fact), fact).cause
        for subject in lost:
            self._lost[subject] = max(cause, self._lost.get(subject, cause), key=lambda c: c.order)
        self.moved.add(fact.fact_id)

    def _binders_of(self, fact: Fact) -> Iterator[Fact]:
        """What bound a reference of the fact anew, or made the card that it names a member."""
        for reference in fact.references:
            for bound in (reference, self._through(reference)):
                if bound in self._bound_by:
                    yield self._bound_by[bound]
            met = [card(reference.value)] if reference.kind == OWN_KIND else []
            met += [b.subject for b in self._bindings.get(reference, ())]
            yield from (self._announced[s] for s in met if s in self._announced)

    def _rename(self, fact: Fact, subjects: dict[Subject, Sense]) -> None:
        """What a fact names is about the fact's own subjects, and has no life of its own."""
        for level, name in fact.names:
            if level > fact.level:
                if any(b.made_by == fact.fact_id for b in self._bindings.get(name, ())):
                    self._unbind(name, fact)
                for subject, sense in subjects.items():
                    named = Sense(sense.attempt, side_named(fact, name, sense))
                    self._bind(name, subject, named, fact)

    def _name(self, subject: Subject, binding: Binding, by: Fact | None) -> None:
        """The issuer's own name is bound by what it says itself; that is stored as such already.

        by: none where no stored fact can go elsewhere thereby.
        """
        name = issuers_name(subject)
        held = self._bindings.get(name)
        if held is None or binding in held:
            return
        if by is None:
            self._bindings[name] = (*held, binding)
        else:
            self._rebind(name, (*held, binding), by)

    def _bind(self, reference: Reference, subject: Subject, means: Sense, by: Fact) -> None:
        grace, window = self._windows.grace, self._windows.of(reference.vendor)
        binding = Binding(subject, means.attempt, by.stated, by.fact_id, grace, window, means.side)
        self._rebind(reference, (*self._bindings.get(reference, ()), binding), by)

    def _unbind(self, reference: Reference, by: Fact) -> None:
        held = self._bindings[reference]
        self._rebind(reference, tuple(b for b in held if b.made_by != by.fact_id), by)

    def _rebind(self, reference: Reference, bindings: Held, by: Fact) -> None:
        self._bindings[reference] = self.bound[reference] = bindings
        self._bound_by[reference] = by


def _waits(places: Places) -> bool:
    """Whether it is about nobody, or about nobody that is announced."""
    return all(place.outcome is FactOutcome.PARKED for place in places.values())

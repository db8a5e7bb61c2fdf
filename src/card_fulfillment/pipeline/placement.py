"""Whom facts are about: binding what a batch names, placing the facts that it brings or unlocks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from card_fulfillment.domain.bindings import Binding, Resolution, resolve
from card_fulfillment.domain.claims import Entry, entry
from card_fulfillment.domain.facts import (
    Announcement,
    CardIdentity,
    Fact,
    Order,
    Reference,
    Subject,
    SubjectKind,
    card,
)
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.pipeline.view import Place, StoredFact, View


class Placement:
    """Facts on their way to the subjects that they are about.

    entries: what each card gains. places: of every fact touched, its subjects.
    """

    def __init__(self, view: View, identities: Mapping[str, CardIdentity]) -> None:
        self._view = view
        self._bindings = dict(view.bindings)
        self._bulk_of = {i: card.bulk_issuance_id for i, card in identities.items()}
        self.bound: dict[Reference, tuple[Binding, ...]] = {}
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.places: defaultdict[bytes, dict[Subject, Place]] = defaultdict(dict)
        self.waits: list[tuple[Reference, bytes]] = []
        self.woken: list[tuple[Reference, bytes]] = []

    def announce(self, announcement: Announcement) -> None:
        """The card is there: what was stored for it until now is folded with its announcement."""
        subject = card(announcement.card.card_id)
        self._enter(announcement.fact, subject, 1)
        for stored in self._view.histories.get(subject.id, ()):
            self.places[stored.fact.fact_id] |= stored.places
            self.entries[subject.id].append(entry(stored.fact, stored.places[subject].attempt))

    def order(self, order: Order) -> None:
        for reference in order.references:
            self._bind(reference, order.subject, order.attempt, order.fact)
        self._enter(order.fact, order.subject, order.attempt)

    def track(self, facts: Iterable[Fact]) -> None:
        """Place new facts, and those that waited for what is bound now.

        Level by level: what a fact names is bound before the facts that are found by it are placed.
        """
        waiting = self._view.waiting
        unlocked = (stored.fact for stored in waiting.values())
        for fact in sorted((*facts, *unlocked), key=lambda f: f.level):
            found = resolve(self._bindings, fact, self._bulk_of)
            stored = waiting.get(fact.fact_id)
            if stored is None:
                self.waits += [(r, fact.fact_id) for r in found.unbound]
            else:
                self._wake(stored, found)
            self._place(fact, found)

    def _wake(self, stored: StoredFact, found: Resolution) -> None:
        bound = set(stored.fact.references).difference(found.unbound)
        self.woken += [(r, stored.fact.fact_id) for r in bound]
        if found.subjects:
            self.places[stored.fact.fact_id] |= stored.places

    def _place(self, fact: Fact, found: Resolution) -> None:
        for subject, attempt in (found.subjects or {}).items():
            if subject not in self.places[fact.fact_id]:
                self._enter(fact, subject, attempt)
            for level, name in fact.names:
                if level > fact.level:
                    self._bind(name, subject, attempt, fact)

    def _bind(self, reference: Reference, subject: Subject, attempt: int, by: Fact) -> None:
        held = self._bindings.get(reference, ())
        if any(b[:3] == (subject, attempt, by.stated) for b in held):
            return
        bound = (*held, Binding(subject, attempt, by.stated, by.fact_id))
        self._bindings[reference] = self.bound[reference] = bound

    def _enter(self, fact: Fact, subject: Subject, attempt: int) -> None:
        self.places[fact.fact_id][subject] = Place(attempt, FactOutcome.PARKED)
        if subject.kind is SubjectKind.CARD:
            self.entries[subject.id].append(entry(fact, attempt))

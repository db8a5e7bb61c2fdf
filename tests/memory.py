"""The store in memory: the contract of the ports without a database, and strict about it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, fields

from card_fulfillment.domain.bindings import Binding, Bindings, by_announcement, ordering
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine, FileName, LineKey, VendorFile
from card_fulfillment.domain.naming import (
    OWN_KIND,
    Reference,
    Subject,
    SubjectKind,
    bulk_issuance,
    card,
    is_issuers_name,
)
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.effects import Effects, NewChange
from card_fulfillment.pipeline.fan_out import Lagging, LaggingMember
from card_fulfillment.pipeline.ports import Contended, PositionLost
from card_fulfillment.pipeline.view import CardState, Need, Places, Seen, StoredFact, View
from snapshot import Position, Row, Snapshot


@dataclass
class _Tables:
    bulks: dict[str, Bulk] = field(default_factory=dict)
    cards: dict[str, CardState] = field(default_factory=dict)
    references: dict[Reference, tuple[Binding, ...]] = field(default_factory=dict)
    facts: dict[bytes, tuple[Fact, Places, int]] = field(default_factory=dict)
    waiting: set[tuple[Reference, bytes]] = field(default_factory=set)
    lanes: dict[tuple[str, int], tuple[NewChange, ...]] = field(default_factory=dict)
    positions: dict[Partition, Position] = field(default_factory=dict)
    dead_letters: dict[str, str] = field(default_factory=dict)
    files: dict[FileName, VendorFile] = field(default_factory=dict)
    lines: dict[LineKey, FileLine] = field(default_factory=dict)

    def copied(self) -> "_Tables":
        return _Tables(*(copy(getattr(self, f.name)) for f in fields(self)))


class MemoryTransaction:
    """Works on a copy of the tables. Insists that what is written was locked before."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._locked = Need()

    async def peek(self, need: Need) -> View:
        tables = self._tables
        return View(
            bulks={i: tables.bulks[i] for i in need.bulks if i in tables.bulks},
            cards={i: tables.cards[i] for i in need.cards if i in tables.cards},
            bindings=self._bindings(need.references),
            waiting=self._waiting(need.unlocked(tables.references)),
            histories=self._histories(need.refolds),
            files=self._files(need),
        )

    def _files(self, need: Need) -> dict[FileName, VendorFile]:
        lines = self._tables.lines.values()
        names = need.files | {line.file for line in lines if line.reference in need.file_references}
        return {name: file for name, file in self._tables.files.items() if name in names}

    def _bindings(self, references: set[Reference]) -> Bindings:
        held = self._tables.references
        stored: Bindings = {r: held[r] for r in references if r in held}
        return stored | {r: self._named_by_issuer(r) for r in references if is_issuers_name(r)}

    def _named_by_issuer(self, name: Reference) -> tuple[Binding, ...]:
        tables = self._tables
        subjects = []
        if (state := tables.cards.get(name.value)) and state.identity is not None:
            subjects.append(card(name.value))
        if (bulk := tables.bulks.get(name.value)) and bulk.common is not None:
            subjects.append(bulk_issuance(name.value))
        ordered = (
            Binding(subject, place.attempt, fact.stated, fact.fact_id)
            for fact, places, _ in tables.facts.values()
            if fact.status is Status.ORDERED and not fact.references
            for subject, place in places.items()
            if subject.id == name.value
        )
        return (*map(by_announcement, subjects), *ordered)

    def _waiting(self, references: set[Reference]) -> dict[bytes, StoredFact]:
        found = {fact_id for reference, fact_id in self._tables.waiting if reference in references}
        return {fact_id: StoredFact(*self._tables.facts[fact_id][:2]) for fact_id in sorted(found)}

    async def lock(self, need: Need, known: Collection[str] = ()) -> None:  # noqa: ARG002 - all are looked for
        self._locked |= need
        for bulk_id in need.bulks:
            self._tables.bulks.setdefault(bulk_id, Bulk())
        for card_id in need.cards:
            self._tables.cards.setdefault(card_id, CardState())
        for reference in need.locked_references:
            self._tables.references.setdefault(reference, ())
        for name in need.files:
            self._tables.files.setdefault(name, VendorFile())

    async def read(self, need: Need) -> View:
        view = await self.peek(need)
        facts = self._tables.facts
        view.seen = {i: _seen(facts[i][0]) for i in need.fact_ids if i in facts}
        view.retimed = {i: StoredFact(*facts[i][:2]) for i in need.retimed}
        view.histories = self._histories({card(i) for i in need.histories} | need.refolds)
        cards = self._tables.cards
        view.lines = need.lines & self._tables.lines.keys()
        view.taken = need.serials & {
            (s.identity.bulk_issuance_id, s.identity.serial_number)
            for s in cards.values()
            if s.identity and s.identity.bulk_issuance_id and s.identity.serial_number
        }
        view.sayings = {i: found for i in need.bulks if (found := self._sayings(i, need))}
        return view

    def _sayings(self, bulk_id: str, need: Need) -> list[StoredFact]:
        """Exactly what is promised, so that nobody relies on more."""
        members = [self._tables.cards[i] for i in need.cards]
        floors = [s.folded for s in members if _is_member(s, bulk_id)]
        if bulk_id in need.whole:
            floors = [-1]
        if not floors:
            return []
        return self._said_since(bulk_id, min(floors), need)

    def _said_since(self, bulk_id: str, floor: int, need: Need) -> list[StoredFact]:
        subject = bulk_issuance(bulk_id)
        repacked = {
            fact_id
            for reference, parcel in self._tables.bulks[bulk_id].said.parcels.items()
            if reference in need.references or any(line.number > floor for line in parcel.lines)
            for fact_id in parcel.facts
        }
        return [
            StoredFact(fact, places)
            for fact_id, (fact, places, _) in sorted(self._tables.facts.items())
            if subject in places and (places[subject].number > floor or fact_id in repacked)
        ]

    def _histories(self, subjects: Iterable[Subject]) -> dict[Subject, Sequence[StoredFact]]:
        wanted = set(subjects)
        bulks = {s.id for s in wanted if s.kind is SubjectKind.BULK_ISSUANCE}
        for fact, places, _ in self._tables.facts.values():
            if fact.vendor is not None:
                spoken_of = (s for s in places if s.kind is SubjectKind.CARD)
                wanted.update(s for s in spoken_of if self._bulk_of(s.id) in bulks)
        histories: defaultdict[Subject, list[StoredFact]] = defaultdict(list)
        for fact_id in sorted(self._tables.facts):
            fact, places, _ = self._tables.facts[fact_id]
            for subject in places.keys() & wanted:
                histories[subject].append(StoredFact(fact, places))
        return {**histories}

    def _bulk_of(self, card_id: str) -> str | None:
        state = self._tables.cards.get(card_id)
        return state.identity.bulk_issuance_id if state and state.identity else None

    async def claim_lagging(self, after: str) -> str | None:
        bulks = self._tables.bulks.items()
        lagging = sorted(i for i, b in bulks if b.spread_number < b.last_number)
        return next((i for i in lagging if i > after), next(iter(lagging), None))

    async def claim_dirty(self, after: str) -> str | None:
        dirty = sorted(i for i, b in self._tables.bulks.items() if b.dirty)
        return next((i for i in dirty if i > after), next(iter(dirty), None))

    async def unspread(self, bulk_id: str, bulk: Bulk) -> list[StoredFact]:
        return self._said_since(bulk_id, bulk.spread_number, Need())

    async def lagging(self, which: Lagging, most: int) -> list[LaggingMember]:
        lagging = sorted(
            (serial is None, serial or 0, card_id)
            for card_id, state in self._tables.cards.items()
            if _is_member(state, which.bulk_id) and state.folded < which.number
            for serial in (state.identity.serial_number if state.identity else None,)
            if serial is None or serial >= which.from_serial
            if which.reach is None
            or any(serial and first <= serial <= last for first, last in which.reach)
        )
        return [LaggingMember(i, serial or None) for _, serial, i in lagging[:most]]

    async def write(self, effects: Effects) -> None:
        self._write_facts(effects)
        tables, locked = self._tables, self._locked
        assert effects.cards.keys() <= locked.cards, "a card is written without its lock"
        assert effects.bindings.keys() <= locked.locked_references, "a reference without its lock"
        assert effects.bulks.keys() <= locked.bulks, "a bulk is written without its lock"
        assert effects.files.keys() <= locked.files, "a file is written without its lock"
        tables.cards |= effects.cards
        tables.bulks |= effects.bulks
        tables.files |= effects.files
        tables.lines |= effects.lines
        tables.references |= {r: tuple(bindings) for r, bindings in effects.bindings.items()}
        assert all(self._is_locked(r) for r, _ in effects.waits), "a wait without its lock"
        tables.waiting |= set(effects.waits)
        tables.waiting -= set(effects.woken)
        for letter in effects.dead_letters:
            tables.dead_letters.setdefault(letter.dead_letter_id, letter.reason)
        for change in effects.changes:
            lane = (change.topic, change.partition)
            tables.lanes[lane] = (*tables.lanes.get(lane, ()), change)
        for partition, move in effects.moves.items():
            self._move(partition, move.expected, move.next_offset, effects.counts)

    def _is_locked(self, awaited: Reference) -> bool:
        """Whether who ends a wait for it locks something of it, too: neither can miss the other."""
        held = self._tables.references.get(awaited, ())
        if awaited.kind == OWN_KIND or awaited == ordering(awaited.value):
            held = self._named_by_issuer(awaited)
        locked = {*map(card, self._locked.cards), *map(bulk_issuance, self._locked.bulks)}
        known = {b.subject for b in held} or {s for s in locked if s.id == awaited.value}
        return awaited in self._locked.locked_references or (bool(known) and known <= locked)

    def _write_facts(self, effects: Effects) -> None:
        facts = self._tables.facts
        for new in effects.facts:
            if new.fact.fact_id in facts:
                raise Contended("the fact is stored already")
            facts[new.fact.fact_id] = (new.fact, dict(new.places), new.copies)
        for fact_id, retimed in effects.retimed.items():
            facts[fact_id] = (retimed, *facts[fact_id][1:])
        for fact_id, places in effects.places.items():
            fact, _, copies = facts[fact_id]
            facts[fact_id] = (fact, dict(places), copies)
        for fact_id, more in effects.copies.items():
            fact, places, copies = facts[fact_id]
            facts[fact_id] = (fact, places, copies + more)

    def _move(
        self,
        partition: Partition,
        expected: int,
        next_offset: int,
        counts: Mapping[Partition, Counter[RecordClass]],
    ) -> None:
        at = self._tables.positions.get(partition)
        if at is None or at.next_offset != expected:
            raise PositionLost("the partition is elsewhere")
        counted = at.counted + counts.get(partition, Counter())
        self._tables.positions[partition] = Position(next_offset, counted)


def _seen(fact: Fact) -> Seen:
    return Seen(fact.content, fact.stated if fact.precision is Precision.UNKNOWN else None)


def _is_member(state: CardState, bulk_id: str) -> bool:
    return state.identity is not None and state.identity.bulk_issuance_id == bulk_id


class MemoryStore:
    """One transaction at a time; what it did is kept only where its body ends."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._turn = asyncio.Lock()

    def copied(self) -> "MemoryStore":
        other = MemoryStore()
        other._tables = self._tables.copied()
        return other

    def transaction(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryTransaction]:
        async with self._turn:
            tables = self._tables.copied()
            yield MemoryTransaction(tables)
            self._tables = tables

    async def begin(self, partitions: Iterable[Partition]) -> None:
        """Start partitions that have no position yet at 0."""
        for partition in partitions:
            self._tables.positions.setdefault(partition, Position(0, Counter()))

    async def snapshot(self) -> Snapshot:
        tables = self._tables
        return Snapshot(
            bulks=dict(tables.bulks),
            cards=dict(tables.cards),
            bindings={r: frozenset(held) for r, held in tables.references.items()},
            facts={i: Row(dict(places), copies) for i, (_, places, copies) in tables.facts.items()},
            waiting=frozenset(tables.waiting),
            lanes={lane: list(changes) for lane, changes in tables.lanes.items()},
            positions=dict(tables.positions),
            dead_letters=sorted(tables.dead_letters.values()),
            files=dict(tables.files),
            lines=frozenset(tables.lines),
        )

"""What was seen of references and cards lately: a guess that spares looking before locking.

A wrong or missing hint costs a second try, never a wrong decision: all that decides is read again
under the locks.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, Generic, TypeVar

from card_fulfillment.domain.bindings import Held
from card_fulfillment.domain.naming import Reference
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.view import CardState, Need, View

_REMEMBERED: Final = 3072  # of cards, and of references, at least

K = TypeVar("K")
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """The newest entries, between `most` and twice as many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[K, V] = {}

    def get(self, keys: Iterable[K]) -> dict[K, V]:
        found: dict[K, V] = {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None:
                found[key] = entry
        return found

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def put(self, entries: Mapping[K, V]) -> None:
        self._entries |= entries
        if len(self._entries) > 2 * self._most:
            newest = islice(self._entries.items(), len(self._entries) - self._most, None)
            self._entries = dict(newest)


class Hints:
    """Cards and references, those that were seen last."""

    def __init__(self) -> None:
        self._cards: _Recent[str, CardState] = _Recent(_REMEMBERED)
        self._bindings: _Recent[Reference, Held] = _Recent(_REMEMBERED)

    def view(self, need: Need) -> View:
        """What is believed of the cards and references needed."""
        return View(cards=self._cards.get(need.cards), bindings=self._bindings.get(need.references))

    def learn(self, view: View, effects: Effects) -> None:
        """Remember what a committed transaction saw and wrote."""
        self._bindings.put({r: held for r, held in view.bindings.items() if held})
        self._bindings.put(effects.bindings)
        for seen in (view.cards, effects.cards):
            self._cards.put(
                {
                    i: CardState(state.identity)
                    for i, state in seen.items()
                    if i not in self._cards and state.identity  # which never changes
                }
            )

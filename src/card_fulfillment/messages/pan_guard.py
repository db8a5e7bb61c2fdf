"""The guard against card numbers: no record that may hold one is read, stored, logged or published.

It errs on the side of quarantine, except for ids: a record's own random ids and the fields that are
known to hold references or tracking numbers, which look like card numbers now and then.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from card_fulfillment.messages.card_numbers import RANDOM, SHORTEST, CardNumbers, is_identity
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.spelling import plain, readings, unescaped

# Keys from a payload's root; EACH stands for every element of a list.
Path = tuple[str, ...]
EACH: Final = "[]"

_MESSAGE: Final = "digits that may be a card number"
_DIGITS: Final = b"0" * SHORTEST
# For a first look every digit is the same, and so is whatever may stand between digits; for the
# next one the latter is not there, which takes twice as long.
_BETWEEN: Final = bytes([*range(0x20), 0x7F, *b" -._/+"])
_ALIKE: Final = bytes.maketrans(b"123456789E" + _BETWEEN, b"000000000e" + b"0" * len(_BETWEEN))
_RANDOM: Final = re.compile(RANDOM.encode())
_SPELT: Final = re.compile(rb"\\[uxbfnrt/]|%[0-9a-fA-F]{2}|&(?:#|nbsp|shy|[a-zA-Z]{2,24};)")
# As Java and Go write large numbers with many zeros at their ends: 6.0110004E15, 6.0110004e+15.
_SHORTENED: Final = re.compile(rb"\.[0-9]{4,12}(?:E|e\+)1[2-8]")
_EXPONENT: Final = b"0000e00"  # at a first look
_SHORTEST_WRITTEN: Final = len("4.2007E12")
_BACKSLASH, _PERCENT, _AMPERSAND = b"\\%&"
# How deep JSON is read depends on the version of Python; deeper than this no place is told.
_DEEPEST: Final = 500
# An id may have dashes, or stand beside one.
_LONG_WORDS: Final = [re.compile(p % SHORTEST) for p in (rb"[\w-]{%d,}", rb"\w{%d,}")]
# What may be told of a key in the payload.
_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


# A value and its headers -> the same in JSON; ValueError where there is no telling.
InJson = Callable[[bytes, Mapping[str, bytes]], bytes]


class Spared(NamedTuple):
    """Where ids stand that are no card data unless they are a card number as a whole.

    in_json: tells what is written otherwise, and the paths are of that.
    """

    paths: frozenset[Path] = frozenset()
    headers: frozenset[str] = frozenset()
    key: bool = False
    in_json: InJson | None = None


_IDS: Final[tuple[Path, ...]] = (
    ("event_id",),
    ("card_id",),
    ("card_product_id",),
    ("reference_card_id",),
    ("bulk_issuance_id",),
    ("embossing_request_id",),
    ("references", EACH, "value"),
)
_EVENT_IDS: Final[tuple[Path, ...]] = (("id",), ("subject",), *(("data", *path) for path in _IDS))
# The issuer's messages, as they are or in a CloudEvent.
OWN_IDS: Final = Spared(
    frozenset(_IDS + _EVENT_IDS), headers=frozenset({"ce_id", "ce_subject"}), key=True
)


class PanGuard:
    """bins: as CardNumbers has them. spared: by topic; nothing is where a topic is not named.

    most_bytes: larger values are searched as text, without sparing anything.
    """

    def __init__(self, bins: Iterable[str], spared: Mapping[str, Spared], most_bytes: int) -> None:
        self._numbers = CardNumbers(bins)
        self._spared = spared
        self._told_otherwise = {topic for topic, each in spared.items() if each.in_json}
        self._most_bytes = most_bytes

    def refused(self, record: Record) -> Refused | None:
        """Never raises. The refusal tells where, in names without digits, and nothing else."""
        if not (self._told_otherwise and record.topic in self._told_otherwise):
            joined = _joined(record)
            if not (_may_hold(joined) and _may_hold(_without_random(joined))):
                return None
        spared = self._spared.get(record.topic, Spared())
        place = self._place(record, spared)
        return None if place is None else Refused(RefusalReason.CARD_DATA, place, _MESSAGE)

    def _place(self, record: Record, spared: Spared) -> str | None:
        if record.key and self._is_card_data(record.key, spared=spared.key):
            return "key"
        for name, value in record.headers:
            told = f"headers.{_told(name)}"
            if self._is_card_data(name.encode(errors="replace"), spared=False):
                return told
            if value and self._is_card_data(value, spared=name in spared.headers):
                return told
        if record.value and spared.in_json is not None:
            telling = self._in_json(record.value, dict(record.headers), spared.in_json)
            return self._place_told(record.value, telling, spared.paths)
        if record.value and _may_hold(record.value):
            return self._place_in(record.value, spared.paths)
        return None

    def _is_card_data(self, data: bytes, *, spared: bool) -> bool:
        return _may_hold(data) and any(self._is_in(t, spared=spared) for t in readings(data))

    def _is_in(self, text: str, *, spared: bool) -> bool:
        if is_identity(text) or not self._numbers.found_in(text):
            return False
        return not spared or any(map(self._numbers.is_all_of, _parts(text)))

    def _in_json(self, value: bytes, headers: Mapping[str, bytes], in_json: InJson) -> bytes | None:
        """Null where there is no telling, or the value is too large to be read."""
        if len(value) > self._most_bytes:
            return None
        try:
            return in_json(value, headers)
        except ValueError:
            return None

    def _place_told(self, value: bytes, told: bytes | None, paths: frozenset[Path]) -> str | None:
        """Where in what is told of the value, which may be packed in it; else the whole of it."""
        if told is None:
            return "" if self._is_card_data(value, spared=False) else None
        try:
            document = json.loads(told, **_AS_TEXT)
        except (ValueError, RecursionError, MemoryError):
            return ""
        place = self._place_among(document, paths)
        if place is not None:
            return place
        ids = {
            leaf.text.encode(errors="replace")
            for leaf in _leaves(document)
            if _path(_steps(leaf)) in paths
        }
        for words in _LONG_WORDS:
            value = words.sub(lambda word: b" " if word[0] in ids else word[0], value)
        return "" if self._is_card_data(value, spared=False) else None

    def _place_in(self, value: bytes, paths: frozenset[Path]) -> str | None:
        """Where in a JSON document; the whole of what is none, or is too large to be read.

        Where there are escapes, what a document says can look otherwise in its bytes.
        """
        suspected = self._is_card_data(value, spared=False)
        if not (suspected or _is_spelt(value)):
            return None
        whole = "" if suspected else None
        if len(value) > self._most_bytes:
            return whole
        try:
            document = json.loads(value, **_AS_TEXT)
        except (ValueError, RecursionError, MemoryError):
            return whole
        return self._place_among(document, paths)

    def _place_among(self, document: object, paths: frozenset[Path]) -> str | None:
        for node in _leaves(document):
            if len(node.text) >= _SHORTEST_WRITTEN and self._is_in(node.text, spared=False):
                steps = _steps(node)
                if _path(steps) not in paths or node.is_key or self._numbers.is_all_of(node.text):
                    return _dotted(steps) if len(steps) <= _DEEPEST else ""
        return None


def _parts(text: str) -> Iterator[str]:
    """What stands where an id is expected: text, and each of several where it is a document."""
    yield text
    if text.lstrip().startswith(("{", "[")):
        with suppress(ValueError, RecursionError, MemoryError):
            yield from (leaf.text for leaf in _leaves(json.loads(text, **_AS_TEXT)))


def _joined(record: Record) -> bytes:
    if not record.headers:
        return b"x".join((record.key or b"", record.value or b""))
    names = "x".join([name for name, _ in record.headers]).encode(errors="replace")
    values = [value or b"" for _, value in record.headers]
    return b"x".join((record.key or b"", record.value or b"", names, *values))


def _without_random(data: bytes) -> bytes:
    return _RANDOM.sub(b"x", data) if b"-" in data else data


def _may_hold(data: bytes) -> bool:
    """A first look: most records have nothing that could stand for thirteen digits in a row."""
    if 0 in data:
        return True
    if _has_run(data):
        return True
    if data.isascii() and not _is_spelt(data):
        return False
    try:
        said = plain(unescaped(data.decode()))
    except UnicodeDecodeError:
        return True
    return _has_run(said.encode(errors="replace"))


def _has_run(data: bytes) -> bool:
    # Not `in`, which tries what it looks for as a number first, and fails each time.
    alike = data.translate(_ALIKE)
    if alike.find(_DIGITS) >= 0 and data.translate(_ALIKE, _BETWEEN).find(_DIGITS) >= 0:
        return True
    return alike.find(_EXPONENT) >= 0 and _SHORTENED.search(data) is not None


def _is_spelt(data: bytes) -> bool:
    marked = _BACKSLASH in data or _PERCENT in data or _AMPERSAND in data
    return marked and _SPELT.search(data) is not None


class _Object(NamedTuple):
    """The members of a JSON object as they come, repeated names included."""

    members: list[tuple[str, Any]]


# Numbers are kept as they are written.
_AS_TEXT: Final[Mapping[str, Any]] = {
    "object_pairs_hook": _Object,
    "parse_int": str,
    "parse_float": str,
    "parse_constant": str,
    "strict": False,
}


class _Above(NamedTuple):
    above: "_Above | None"
    step: str | int


class _Leaf(NamedTuple):
    at: _Above | None
    text: str
    is_key: bool


def _leaves(document: object) -> Iterator[_Leaf]:
    """Texts, numbers and keys of the document."""
    pending: list[tuple[_Above | None, object]] = [(None, document)]
    while pending:
        at, node = pending.pop()
        if isinstance(node, str):
            yield _Leaf(at, node, is_key=False)
        elif isinstance(node, _Object):
            for key, value in node.members:
                below = _Above(at, key)
                yield _Leaf(below, key, is_key=True)
                pending.append((below, value))
        elif isinstance(node, list):
            pending += [(_Above(at, i), each) for i, each in enumerate(node)]


def _steps(leaf: _Leaf) -> list[str | int]:
    steps: list[str | int] = []
    at = leaf.at
    while at is not None:
        steps.append(at.step)
        at = at.above
    return steps[::-1]


def _path(steps: list[str | int]) -> Path:
    return tuple(EACH if isinstance(step, int) else step for step in steps)


def _dotted(steps: list[str | int]) -> str:
    told = "".join(f"[{s}]" if isinstance(s, int) else f".{_told(s)}" for s in steps)
    return told.removeprefix(".")


def _told(name: str) -> str:
    return name if _NAME.fullmatch(name) else "*"

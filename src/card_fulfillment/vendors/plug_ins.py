"""Plug-ins: Python of a user's own that tells in JSON what no profile can read.

A plug-in is an entry point of the group `card_fulfillment.vendors`, in any installed distribution:
a function of a message's bytes and its headers, by name, that returns what JSON can hold:
dictionaries with texts as keys, lists, texts, numbers, true, false and None. It raises ValueError
for what is no such message.
"""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from card_fulfillment.domain.value import Value
from card_fulfillment.vendors.near_miss import hint

GROUP: Final = "card_fulfillment.vendors"
_MOST_TOLD_BYTES: Final = 1_048_576  # a few bytes may be packed millions

Tell = Callable[[bytes, Mapping[str, bytes]], object]


class Unreadable(ValueError):
    """A message that is not written as it should be. Its text holds nothing of the message."""


class PlugIn(Value):
    """version: of the distribution that it comes with, e.g. `acme-feeds 1.2.0`.

    What it told last is remembered: the guard for card numbers searches the very same that the
    profile then reads, whatever the plug-in would say the next time.
    """

    __match_args__ = ("name", "version", "tell")

    def __init__(self, name: str, version: str, tell: Tell) -> None:
        self.name: Final = name
        self.version: Final = version
        self.tell: Final = tell
        self._asked: tuple[bytes, dict[str, bytes]] | None = None
        self._told: bytes | Unreadable = b""

    def in_json(self, payload: bytes, headers: Mapping[str, bytes]) -> bytes:
        """Tell the message in JSON; Unreadable where the plug-in cannot."""
        asked = payload, dict(headers)
        if asked != self._asked:
            try:
                self._told = self._tell(payload, headers)
            except Unreadable as why:
                self._told = why
            self._asked = asked
        if isinstance(self._told, Unreadable):
            raise Unreadable(str(self._told))
        return self._told

    def _tell(self, payload: bytes, headers: Mapping[str, bytes]) -> bytes:
        try:
            told = self.tell(payload, dict(headers))
        except ValueError:
            raise Unreadable(f"nothing that the plug-in {self.name} reads") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - nor may it end the process: it has no say
            raise Unreadable(f"the plug-in {self.name} failed: {type(error).__name__}") from None
        try:
            written = json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
        except Exception:  # noqa: BLE001 - what it tells may be somebody else's code too
            raise Unreadable(f"the plug-in {self.name} tells what is no JSON") from None
        if len(written) > _MOST_TOLD_BYTES:
            raise Unreadable(
                f"the plug-in {self.name} tells more than {_MOST_TOLD_BYTES} bytes of JSON"
            )
        return written


def plug_in(name: str) -> PlugIn:
    """Find it among what is installed, and import it; ValueError where that cannot be done."""
    entry = _entry(name)
    try:
        tell = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever somebody else's code does when imported
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"the plug-in {name!r} cannot be imported: {why}") from None
    if not callable(tell):
        raise ValueError(f"the plug-in {name!r} is no function: {entry.value}")  # noqa: TRY004
    return PlugIn(name, _version(entry), tell)


def _entry(name: str) -> EntryPoint:
    """Find the one of this name; two of a name are a mistake, whichever would be taken."""
    installed = entry_points(group=GROUP)
    found = {each.value: each for each in installed if each.name == name}
    if len(found) > 1:
        raise ValueError(f"{name!r} is the name of several plug-ins: {', '.join(sorted(found))}")
    for each in found.values():
        return each
    names = sorted({each.name for each in installed})
    meant = hint(name, names) or f" ({', '.join(names) or 'there are none'})"
    raise ValueError(f"no plug-in {name!r} is installed{meant}")


def _version(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""

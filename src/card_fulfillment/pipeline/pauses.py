"""How long to wait before something that failed is tried again."""

from collections.abc import Iterator
from typing import Final

_FIRST: Final = 0.05
_LONGEST: Final = 2.0


def pauses() -> Iterator[float]:
    """Seconds after the first failure, the second, and so on: each twice as long, up to two."""
    seconds = _FIRST
    while True:
        yield seconds
        seconds = min(seconds * 2, _LONGEST)

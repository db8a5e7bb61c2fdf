"""Sets of serial numbers as ranges: sorted, apart from each other, both ends included."""

from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def united(ranges: Iterable[Range]) -> Ranges:
    """The same serials in as few ranges as possible."""
    merged: list[Range] = []
    for first, last in sorted(r for r in ranges if r[0] <= r[1]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def missing(ranges: Ranges, size: int) -> Ranges:
    """Those of the serials 1 to `size` that no range has."""
    gaps: list[Range] = []
    following = 1
    for first, last in ranges:
        gaps.append((following, min(first - 1, size)))
        following = max(following, last + 1)
    gaps.append((following, size))
    return tuple(gap for gap in gaps if gap[0] <= gap[1])


def count(ranges: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)

"""What somebody may have meant by a word that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that this one is a slip of, if there is one."""
    by_folded = {each.casefold(): each for each in known}
    close = get_close_matches(word.casefold(), by_folded, n=1)
    return by_folded[close[0]] if close else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word, empty where nothing is near."""
    meant = nearest(word, known)
    return "" if meant is None else f": did you mean `{meant}`?"

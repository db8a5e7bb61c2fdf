"""Bytes and text to plain ASCII digits, however they were written down."""

import re
import unicodedata
from collections.abc import Iterator
from html.entities import html5
from typing import Final

# What stands for a character: escapes of JSON and of programming languages, of URLs, of HTML.
# A run of backslashes is tried from its beginning alone: else it takes the square of its length.
_ESCAPE: Final = re.compile(
    r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([bfnrt/]))"
    r"|((?:%[0-9a-fA-F]{2})+)"
    r"|&(?:\#(?:[xX]0*([0-9a-fA-F]{1,5})|0*([0-9]{1,6}))|([A-Za-z]{2,24}));?"
)
_ESCAPES_NEST: Final = 4
_HIGH_SURROGATE: Final = re.compile(r"[\ud800-\udbff]")
# Controls, combining marks, what has no width or no ink, and what could not be decoded.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u0300-\u036f\u0483-\u0489\u0600-\u0605\u061c"
    "\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u2800\u3164"
    r"\ud800-\udfff"  # as text: mypyc knows no halves of characters
    "\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff9-\ufffd"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_SPACE: Final = re.compile(r"[^\S ]")
_DASH: Final = re.compile(
    "[\u02d7\u2010-\u2015\u2043\u2212\u2500\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d\uff70]"
)
_DIGIT: Final = re.compile(
    "(?![0-9])[\\d\xb2\xb3\xb9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c"
    "\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792]"
)
_OVERLONG: Final = re.compile(rb"(?:\xc0|\xe0\x80|\xf0\x80\x80)([\x80-\xbf])")
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
# In wide text at least one byte of eight is zero.
_WIDE_SHARE: Final = 8
_EBCDIC: Final = re.compile(rb"[\xf0-\xf9](?:[\x40\x60]?[\xf0-\xf9]){12}")
_SIX_BITS: Final = 0x3F


def readings(data: bytes) -> Iterator[str]:
    """Every text that the bytes may be: UTF-8, else what else they look like."""
    try:
        yield data.decode()
    except UnicodeDecodeError:
        yield _overlong(data).decode(errors="replace")
    if data.startswith(_MARKS) or data.count(0) * _WIDE_SHARE > len(data):
        yield data.decode("utf-16-le", errors="replace")
        yield data.decode("utf-16-be", errors="replace")
    if _EBCDIC.search(data):
        yield data.decode("cp037")


def _overlong(data: bytes) -> bytes:
    """Decode ASCII in more bytes than it takes, which a lenient reader would let through."""
    return _OVERLONG.sub(lambda found: bytes([found[1][0] & _SIX_BITS]), data)


def unescaped(text: str) -> str:
    """What the text says to one who reads its escapes, also those within others."""
    for _ in range(_ESCAPES_NEST):
        if not ("\\" in text or "%" in text or "&" in text):
            break
        text = _ESCAPE.sub(_meant, text)
    return text


def plain(text: str) -> str:
    """Digits of any script as 0 to 9, one kind of space and dash, nothing unseen."""
    if text.isascii():
        return text if text.isprintable() else _SPACE.sub(" ", _UNSEEN.sub("", text))
    seen = _UNSEEN.sub("", _paired(text))
    return _SPACE.sub(" ", _DASH.sub("-", _DIGIT.sub(_digit, seen)))


def _meant(escape: re.Match[str]) -> str:
    four, two, letter, percents, hexadecimal, decimal, name = escape.groups()
    if name:
        return html5.get(f"{name};", escape[0])
    if percents:
        return bytes.fromhex(percents.replace("%", "")).decode(errors="replace")
    if letter == "/":
        return letter
    number = int(decimal) if decimal else int(four or two or hexadecimal or "20", 16)
    return chr(number)


def _paired(text: str) -> str:
    """Make one character of the two halves that escapes spell."""
    if _HIGH_SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _digit(found: re.Match[str]) -> str:
    return str(unicodedata.digit(found[0]))

"""Messages of the issuer with one value that is not what it must be."""

from collections.abc import Iterator
from typing import Any, Final

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass

from .case import CREATED, ON_TIME, REQUESTED, Case, as_json, bad, created, good, requested


def cases() -> Iterator[Case]:
    yield from _numbers()
    yield from _types()
    yield from _types_within()
    yield from _times()
    yield from _ids()
    yield from _many()
    yield from _contradictions()


# As JSON literals.
_NO_SIZES: Final = {
    "2^53 + 1": "9007199254740993",
    "2^63": "9223372036854775808",
    "2^64": "18446744073709551616",
    "1e999": "1e999",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "a float": "5.0",
    "an exponent": "5e2",
    "a fraction": "0.5",
    "zero": "0",
    "minus zero": "-0",
    "negative": "-5",
    "true": "true",
    "digits as text": '"500"',
    "a list": "[500]",
    "an object": '{"$numberInt":"500"}',
}
# No numbers in JSON at all, so that the whole message is none.
_NO_NUMBERS: Final = {
    "5,000 digits": "9" * 5_000,
    "leading zeros": "007",
    "a plus": "+5",
    "hexadecimal": "0x10",
    "underscores": "1_000",
    "no fraction": "5.",
    "nothing before the point": ".5",
}


def _numbers() -> Iterator[Case]:
    for name, literal in _NO_SIZES.items():
        yield bad(f"a size of {name}", CREATED, _with_size(literal), "number_of_cards")
    for name, literal in _NO_NUMBERS.items():
        yield bad(f"a size of {name}", CREATED, _with_size(literal))
    for name, serial in (("zero", 0), ("too great", 10_000_001)):
        message = created(f"serial {name}", bulk_issuance_id="b", serial_number=serial)
        yield bad(f"a serial number of {name}", CREATED, message, "serial_number")
    for attempt in (0, -1, 1_001, 2**63):
        message = requested("attempt", attempt=attempt)
        yield bad(f"attempt {attempt}", REQUESTED, message, "attempt")
    yield good("an unknown float beyond range", CREATED, _with("unknown float", "1.0e308"))


def _with_size(literal: str) -> bytes:
    return _with("size", literal, "number_of_cards")


def _with(name: str, literal: str, field: str = "unknown") -> bytes:
    return as_json(created(name))[:-1] + f',"{field}":{literal}}}'.encode()


def _types() -> Iterator[Case]:
    wrong: dict[str, Any] = {"true": True, "a number": 12, "a list": ["x"], "an object": {"id": 1}}
    for name, value in wrong.items():
        for field in ("card_id", "event_id", "card_product_id"):
            yield bad(f"a {field} that is {name}", CREATED, created("t", **{field: value}), field)
    yield bad("a card_id that is null", CREATED, created("t", card_id=None), "card_id")
    for value in ("physical", "", "VIRTUAL ", 1, None):
        message = created("type", card_type=value)
        yield bad(f"a card_type of {value!r}", CREATED, message, "card_type")
    for name, value in (("a list", []), ("a text", "a=b"), ("a number", 1)):
        yield bad(f"labels that are {name}", CREATED, created("l", labels=value), "labels")
    for name, value in (("a number", 1), ("null", None), ("a list", []), ("an object", {})):
        message = created("l", labels={"programme": value})
        yield bad(f"a label that is {name}", CREATED, message, "labels.*")


def _types_within() -> Iterator[Case]:
    name: str
    value: object
    for name, value in (("a list", ["express"]), ("a text", "express"), ("null", None)):
        yield bad(f"shipping as {name}", REQUESTED, requested("s", shipping=value), "shipping")
    for value in (1, "true", "yes", 0):
        message = requested("s", shipping={"method": "express", "tracked": value})
        yield bad(f"tracked as {value!r}", REQUESTED, message, "shipping.tracked")
    for name, value in (("an object", {}), ("a text", "a"), ("null", None)):
        message = requested("r", references=value)
        yield bad(f"references as {name}", REQUESTED, message, "references")
    message = requested("r", references=[{"kind": "issuer_ref", "value": 12}])
    yield bad("a reference that is a number", REQUESTED, message, "references.0.value")


_NO_TIMES: Final[tuple[object, ...]] = (
    "2026-03-01T09:30:00",
    "2026-03-01",
    "09:30:00Z",
    "2026-03-01T09:30:60Z",
    "2026-02-29T09:30:00Z",
    "2026-13-01T09:30:00Z",
    "2026-03-01T09:30:00+99:99",
    "2026-03-01T09:30:00+24:00",
    "2026-03-01T09:30:00 Europe/Berlin",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "1970-01-01T00:00:00Z",
    "1772357400",
    "1772357400000",
    "20260301T093000Z",
    "2026-W09-7T09:30:00Z",
    "2026-060T09:30:00Z",
    "2026-03-\u0660\u0661T09:30:00Z",
    "yesterday",
    "",
    " 2026-03-01T09:30:00Z",
    1_772_357_400,
    1_772_357_400_000,
    1.5,
    True,
    None,
    [2026, 3, 1],
    {"$date": ON_TIME},
)


def _times() -> Iterator[Case]:
    for value in _NO_TIMES:
        message = created("time", occurred_at=value)
        yield bad(f"a time of {value!r}", CREATED, message, "occurred_at")
    for value in ("2026-03-02T12:00:01Z", "2099-01-01T00:00:00Z"):
        for topic, message in ((CREATED, created("f")), (REQUESTED, requested("f"))):
            late = message | {"occurred_at": value}
            yield bad(f"{value} on {topic}", topic, late, "occurred_at", RefusalReason.FUTURE_TIME)
    for name, value in {
        "a day ahead": "2026-03-02T12:00:00Z",
        "nanoseconds": "2026-03-01T09:30:00.123456789Z",
        "the far east": "2026-03-01T23:30:00+14:00",
        "small letters": "2026-03-01t09:30:00z",
        "the year 2000": "2000-01-01T00:00:00Z",
    }.items():
        yield good(
            f"a time of {name}",
            CREATED,
            created(f"time/{name.replace(' ', '-')}") | {"occurred_at": value},
        )


def _ids() -> Iterator[Case]:
    for name, value in {
        "nothing": "",
        "a space": " ",
        "a space inside": "a b",
        "a NUL": "a\x00b",
        "a line break": "a\nb",
        "a terminal's escape": "a\x1b[2Jb",
        "a right-to-left override": "card\u202e1",
        "a zero-width space": "card\u200b1",
        "a byte order mark": "\ufeffcard",
        "a Cyrillic letter": "c\u0430rd",
        "full-width digits": "card\uff11",
        "an emoji": "💳",
        "129 characters": "x" * 129,
        "60,000 characters": "x" * 60_000,
    }.items():
        yield bad(f"a card_id of {name}", CREATED, created("id", card_id=value), "card_id")
    for value in ("", "Meridian", "../meridian", "a" * 65, "a b", "-a", "meridian\n", "%s"):
        message = requested("v", vendor_id=value)
        yield bad(f"a vendor_id of {value[:12]!r}", REQUESTED, message, "vendor_id")
    message = requested("r", references=[{"kind": "No Kind", "value": "x"}])
    yield bad("a reference of no kind", REQUESTED, message, "references.0.kind")
    message = requested("r", references=[{"kind": "card", "value": "x" * 257}])
    yield bad("a reference too long", REQUESTED, message, "references.0.value")
    message = requested("r", references=[{"kind": "card", "value": "a\u202eb"}])
    yield bad("a reference with an unseen character", REQUESTED, message, "references.0.value")


def _many() -> Iterator[Case]:
    for count in (33, 1_000):
        listed = [{"kind": "card", "value": str(number)} for number in range(count)]
        message = requested("m", references=listed)
        yield bad(f"{count} references", REQUESTED, message, "references")
    listed = [{"kind": "card", "value": str(number)} for number in range(10_000)]
    message = requested("m", references=listed)
    yield bad("10,000 references", REQUESTED, message, "", RefusalReason.TOO_LARGE)
    for count in (17, 2_000):
        labels = {f"l{number}": "x" for number in range(count)}
        yield bad(f"{count} labels", CREATED, created("m", labels=labels), "labels")
    yield bad("a label too long", CREATED, created("m", labels={"a": "x" * 257}), "labels.*")
    name = {"x" * 65: "a"}
    yield bad("a label's name too long", CREATED, created("m", labels=name), "labels.*.*")


def _contradictions() -> Iterator[Case]:
    both = requested("both", bulk_issuance_id="hostile/bulk")
    yield bad("a card and a bulk", REQUESTED, both, "bulk_issuance_id")
    yield bad("neither card nor bulk", REQUESTED, requested("none", card_id=None), "card_id")
    alone = created("alone", serial_number=7)
    yield bad("a serial number without a bulk", CREATED, alone, "serial_number")
    virtual = created("virtual", card_type="VIRTUAL")
    yield good("a virtual card", CREATED, virtual, RecordClass.IGNORED)
    first = created("twice")
    yield good("a message", CREATED, first)
    yield good("the same message again", CREATED, first, RecordClass.DUPLICATE)
    spaced = as_json(first).replace(b": ", b" :\n\t ")
    yield good("the same message, spaced out", CREATED, spaced, RecordClass.DUPLICATE)
    other = first | {"card_product_id": "platinum"}
    conflict = RefusalReason.EVENT_ID_CONFLICT
    yield bad("other content under its event id", CREATED, other, "event_id", conflict)
    again = other | {"event_id": "hostile/twice, again"}
    again["event_id"] = "hostile/twice-again"
    conflict = RefusalReason.CARD_CONFLICT
    yield bad("another product of the same card", CREATED, again, "card_product_id", conflict)
    for field, value in (("event_id", "hostile/other"), ("card_id", "hostile/other")):
        doubled = as_json(created(f"doubled/{field}"))[:-1] + f',"{field}":"{value}"}}'.encode()
        yield good(f"a repeated {field}: the last one counts", CREATED, doubled)

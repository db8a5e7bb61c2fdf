"""Messages of a vendor: floods, wrong shapes, unknown codes, a bad element among good ones."""

from collections.abc import Iterator
from typing import Any, Final

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass

from .case import ON_TIME, TRACKED, Case, as_json, bad, good, notified, tracking

_UNMAPPED: Final = RefusalReason.UNMAPPED_CODE
_MALFORMED: Final = RefusalReason.MALFORMED


def cases() -> Iterator[Case]:
    yield from _shapes()
    yield from _elements()
    yield from _codes()
    yield from _many()
    yield from _times()
    yield from _mixtures()


def _shapes() -> Iterator[Case]:
    wrapped = {"notifications": {"a": notified("x")}}  # an object stands for a list of one
    where = "notifications[0].detail.state"
    yield bad("notifications as an object", TRACKED, wrapped, where)
    for name, value in {
        "a text": "none",
        "a number": 3,
        "true": True,
    }.items():
        yield bad(f"notifications as {name}", TRACKED, {"notifications": value}, "notifications")
    yield bad("notifications that are null", TRACKED, {"notifications": None})
    yield bad("notifications under another name", TRACKED, {"Notifications": []})
    yield good("no notifications", TRACKED, tracking(), RecordClass.IGNORED)
    nothing = as_json(tracking(notified("x")))[:-1] + b',"notifications":[]}'
    yield good("notifications twice: the last ones count", TRACKED, nothing, RecordClass.IGNORED)


def _elements() -> Iterator[Case]:
    element: object
    for name, element in {
        "null": None,
        "a text": "x",
        "a number": 7,
        "a list": [notified("x")],
        "an empty object": {},
    }.items():
        where = "notifications[0].detail.state"
        yield bad(f"a notification that is {name}", TRACKED, tracking(element), where)
    for name, card in {
        "true": True,
        "a list": ["c"],
        "an object": {"id": "c"},
        "a float": 1.5,
        "with a NUL": "a\x00b",
        "too long": "x" * 257,
        "very long": "x" * 60_000,
    }.items():
        said = tracking(notified("x", card=card))
        yield bad(f"a card that is {name}", TRACKED, said, "notifications[0].card")
    nobody = {k: v for k, v in notified("x").items() if k != "card"}
    yield bad("a notification about nobody", TRACKED, tracking(nobody), "notifications[0]")
    empty = notified("x", card="", issuerRef="")
    yield bad("a notification about nothing", TRACKED, tracking(empty), "notifications[0]")
    for name, detail in (("a text", "DONE"), ("a list", []), ("a number", 1)):
        said = tracking(notified("x") | {"detail": detail})
        yield bad(f"a detail that is {name}", TRACKED, said, "notifications[0].detail.state")
    huge = as_json(tracking(notified("long number", card=0))).replace(
        b'"card": 0', b'"card": ' + b"1" * 200
    )
    yield good("a card that is a number of 200 digits", TRACKED, huge)
    endless = huge.replace(b"1" * 200, b"1" * 5_000)
    yield bad("a card that is a number of 5,000 digits", TRACKED, endless)


def _codes() -> Iterator[Case]:
    where = "notifications[0].detail.state"
    for name, code in {
        "a new one": "RESHIPPED",
        "another spelling": "Perso_Done",
        "a space behind": "PERSO_DONE ",
        "an unseen character": "PERSO_DONE\u200b",
        "look-alikes": "PERS\u041e_D\u041eNE",
        "a wildcard": "*",
        "a pair": "SHIPPED/Delivered",
        "a template": "{{7*7}}",
        "SQL": "'; DROP TABLE card; --",
        "a log line": "x\nlevel=error event=relay.alarm",
        "256 characters": "X" * 256,
        "a number": 7,
        "true": True,
    }.items():
        said = tracking(notified("code", state=code))
        yield bad(f"an unknown code: {name}", TRACKED, said, where, _UNMAPPED)
    for name, code in {
        "null": None,
        "nothing": "",
        "a list": ["PERSO_DONE"],
        "an object": {"code": "PERSO_DONE"},
        "too long": "X" * 257,
        "with a NUL": "PERSO\x00DONE",
    }.items():
        yield bad(f"a code that is {name}", TRACKED, tracking(notified("c", state=code)), where)


def _many() -> Iterator[Case]:
    thousand = [notified(f"m{number % 7}") for number in range(500)]
    yield good("500 notifications", TRACKED, tracking(*thousand))
    small = [{"card": "c", "detail": {"state": "X"}}] * 1_001
    yield bad("1,001 notifications", TRACKED, tracking(*small))
    yield bad("10,000 notifications", TRACKED, tracking(*([0] * 10_000)))
    yield bad("30,000 nulls", TRACKED, b'{"notifications":[' + b"null," * 12_000 + b"null]}")
    lists = b'{"notifications":[' + b"[]," * 20_000 + b"[]]}"
    yield bad("20,000 lists", TRACKED, lists)
    objects = [{"card": "c", "detail": {"state": f"X{number}"}} for number in range(1_000)]
    # The first few, and one for the rest: each dead letter has the whole record in it.
    first = [(_UNMAPPED, f"notifications[{number}].detail.state") for number in range(8)]
    yield _quarantined("100 unknown codes", objects[:100], (*first, (_UNMAPPED, "")))
    yield _quarantined("1,000 unknown codes", objects, (first[0], (_UNMAPPED, "")))
    nobodies = [{"card": 1.5, "detail": {"state": "PERSO_DONE"}}] * 8
    first = [(_MALFORMED, f"notifications[{number}].card") for number in range(8)]
    both = (*first, (_UNMAPPED, ""))
    yield _quarantined("8 malformed and 100 unknown ones", [*nobodies, *objects[:100]], both)


def _times() -> Iterator[Case]:
    value: object
    where = "notifications[0].startedAt"
    for value in ("yesterday", "2026-03-01 09:30", "0000-00-00T00:00:00Z", "9" * 300, 12.5, [], {}):
        said = tracking(notified("t", startedAt=value))
        yield bad(f"a vendor's time of {str(value)[:20]!r}", TRACKED, said, where)
    late = tracking(notified("t", startedAt="2026-03-05T09:30:00Z"))
    yield bad("a vendor's time to come", TRACKED, late, where, RefusalReason.FUTURE_TIME)
    yield good("no time", TRACKED, tracking(notified("timeless", startedAt=None)))


def _mixtures() -> Iterator[Case]:
    elements: list[Any] = [
        notified("mixed/1"),
        notified("mixed/2", card={"id": "c2"}),
        None,
        notified("mixed/4", state="RESHIPPED"),
        notified("mixed/5", startedAt="9999-99-99T00:00:00Z"),
        notified("mixed/6"),
    ]
    refusals = (
        (_MALFORMED, "notifications[1].card"),
        (_MALFORMED, "notifications[2].detail.state"),
        (_UNMAPPED, "notifications[3].detail.state"),
        (_MALFORMED, "notifications[4].startedAt"),
    )
    yield _quarantined("one bad element of each kind among good ones", elements, refusals)
    shipped = notified("mixed/scan", state="SHIPPED")
    scan = {"status": "Teleported", "at": ON_TIME}
    shipped["detail"] = {"state": "SHIPPED", "shipment": scan}
    path = "notifications[0].detail.shipment.status"
    yield _quarantined("an unknown scan of a parcel", [shipped], ((_UNMAPPED, path),))
    broken = notified("mixed/url", state="SHIPPED")
    broken["detail"] = {"state": "SHIPPED", "shipment": {"trackingNumber": {"a": 1}}}
    path = "notifications[0].detail.shipment.trackingNumber"
    yield _quarantined("a tracking number that is an object", [broken], ((_MALFORMED, path),))


def _quarantined(
    name: str, elements: list[Any], refusals: tuple[tuple[RefusalReason, str], ...]
) -> Case:
    return Case(
        name=name,
        topic=TRACKED,
        value=as_json(tracking(*elements)).replace(b": ", b":").replace(b", ", b","),
        became=RecordClass.QUARANTINED,
        refusals=refusals,
    )

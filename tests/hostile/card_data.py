"""Card numbers where none may be: the record is quarantined by reference and nothing is kept."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from card_fulfillment.messages.envelope import RefusalReason
from card_number_samples import PUBLISHED, in_groups, spellings

from .case import (
    CREATED,
    REQUESTED,
    TRACKED,
    Case,
    as_json,
    bad,
    created,
    good,
    notified,
    requested,
    tracking,
)

NUMBER: Final = "4012888888881881"
# What may be stored: these digits are a part of a declared id.
ALLOWED: Final = "4000000000000002"


def cases() -> Iterator[Case]:
    yield from _published()
    yield from _spelt()
    yield from _places()
    yield from _places_around()
    yield from _ids()
    yield from _no_messages()
    yield from _left_alone()


def _caught(name: str, topic: str, message: object, path: str, **more: Any) -> Case:  # noqa: ANN401 - any other field of a case
    more = {"secret": NUMBER} | more
    return bad(f"card data: {name}", topic, message, path, RefusalReason.CARD_DATA, **more)


def _published() -> Iterator[Case]:
    for number in PUBLISHED:
        said = created("pan", note=f"for {number}, please")
        yield _caught(number, CREATED, said, "note", secret=number)
        code = tracking(notified("pan", state=in_groups(number, " ")))
        where = "notifications[0].detail.state"
        yield _caught(f"{number} as a code", TRACKED, code, where, secret=number)


def _spelt() -> Iterator[Case]:
    for name, text in spellings(NUMBER).items():
        yield _caught(f"{name}, in a label", CREATED, created("p", labels={"a": text}), "labels.a")
        escaped = json.dumps(requested("p", shipping={"method": text})).encode()
        yield _caught(f"{name}, escaped", REQUESTED, escaped, "shipping.method")
        headers = (("note", text.encode()),)
        yield _caught(
            f"{name}, in a header", CREATED, created("p"), "headers.note", headers=headers
        )
        yield _caught(f"{name}, in a key", TRACKED, tracking(), "key", key=text.encode())


def _places() -> Iterator[Case]:
    message: object
    for name, message, path in (
        ("a name", created("p", **{NUMBER: 1}), "*"),
        ("a name within", created("p", extra={"a": [{f"n {NUMBER}": 1}]}), "extra.a[0].*"),
        ("an integer", created("p", extra=int(NUMBER)), "extra"),
        ("a negative integer", created("p", extra=-int(NUMBER)), "extra"),
        ("a list", created("p", extra=[1, [2, [NUMBER]]]), "extra[1][1][0]"),
        ("a JSON text", created("p", extra=json.dumps({"pan": NUMBER})), "extra"),
        ("a label's name", created("p", labels={NUMBER: "x"}), "labels.*"),
        ("a time", created("p", occurred_at=NUMBER), "occurred_at"),
        ("a type", created("p", card_type=NUMBER), "card_type"),
        ("a size", created("p", number_of_cards=int(NUMBER)), "number_of_cards"),
    ):
        yield _caught(f"as {name}", CREATED, message, path)
    for literal in (
        f"{NUMBER}.0",
        f"{NUMBER[0]}.{NUMBER[1:]}e15",
        f"{NUMBER}e0",
        f"{NUMBER}00e-2",
    ):
        message = as_json(created("p"))[:-1] + f',"extra":{literal}}}'.encode()
        yield _caught(f"as the number {literal[-5:]}", CREATED, message, "extra")


def _places_around() -> Iterator[Case]:
    doubled = as_json(created("p", card_id=NUMBER))[:-1] + b',"card_id":"hostile/p"}'
    yield _caught("shadowed by a repeated name", CREATED, doubled, "card_id")
    doubled = as_json(created("p", a={"b": NUMBER}))[:-1] + b',"a":1}'
    yield _caught("within what is shadowed", CREATED, doubled, "a.b")
    shipment = notified("p", state="SHIPPED")
    shipment["detail"]["shipment"] = {"trackingUrl": f"https://x.example/{NUMBER}"}
    where = "notifications[0].detail.shipment.trackingUrl"
    yield _caught("in an address", TRACKED, tracking(shipment), where)
    one_of = tracking(notified("a"), notified("b", cardholder={"pan": NUMBER}), notified("c"))
    yield _caught("in one element of several", TRACKED, one_of, "notifications[1].cardholder.pan")
    named = ((NUMBER, b"x"),)
    yield _caught("as a header's name", CREATED, created("p"), "headers.*", headers=named)
    yield _caught("as the key of a tombstone", CREATED, None, "key", key=NUMBER.encode())
    many = tuple((f"h{n}", NUMBER.encode()) for n in range(200))
    yield _caught("in too many headers", CREATED, created("p"), "headers.*", headers=many)
    event = {"specversion": "1.0", "id": NUMBER, "data": created("p")}
    structured = (("content-type", b"application/cloudevents+json"),)
    yield _caught("as an event's id", CREATED, event, "id", headers=structured)
    event = {"specversion": "1.0", "id": "x", "data": created("p", card_id=NUMBER)}
    yield _caught("within an event", CREATED, event, "data.card_id", headers=structured)


def _ids() -> Iterator[Case]:
    for field in ("event_id", "card_id", "card_product_id", "bulk_issuance_id"):
        yield _caught(f"as {field}", CREATED, created("p", **{field: NUMBER}), field)
    yield _caught("as our key", CREATED, created("p"), "key", key=NUMBER.encode())
    ce_id = (("ce_id", NUMBER.encode()),)
    yield _caught("as ce_id", CREATED, created("p"), "headers.ce_id", headers=ce_id)
    listed = [{"kind": "card", "value": in_groups(NUMBER, "-")}]
    where = "references[0].value"
    yield _caught("as a reference", REQUESTED, requested("p", references=listed), where)
    for value in (NUMBER, int(NUMBER), in_groups(NUMBER, " ")):
        said = tracking(notified("p", card=value))
        yield _caught(f"as a vendor's reference {value!r}", TRACKED, said, "notifications[0].card")


def _no_messages() -> Iterator[Case]:
    for name, value in {
        "cut JSON": as_json(created("p", card_id=NUMBER))[:-3],
        "a form": f"event_id=a&pan={in_groups(NUMBER, '+')}".encode(),
        "a form in percents": b"pan=" + "".join(f"%{ord(d):02X}" for d in NUMBER).encode(),
        "XML": f"<card><pan>{in_groups(NUMBER, ' ')}</pan></card>".encode(),
        "CSV": f"1,{NUMBER},12/27\n".encode(),
        "a track": f"%B{NUMBER}^DOE/JOHN^27121010000000000000?".encode(),
        "a chip's track": f"{NUMBER}D27121010000000000000F".encode(),
        "another track": f";{NUMBER}=27121010000000000000?".encode(),
        "protobuf": b"\x0a\x10" + NUMBER.encode() + b"\x12\x05x",
        "Avro": b"Obj\x01" + b"\x20" + NUMBER.encode() + b"\xff\xfe",
        "a schema registry's prefix": b"\x00\x00\x00\x00\x07" + as_json({"pan": NUMBER}),
        "UTF-16": as_json({"pan": NUMBER}).decode().encode("utf-16"),
        "UTF-16, unmarked": as_json({"pan": NUMBER}).decode().encode("utf-16-be"),
        "UTF-32": as_json({"pan": NUMBER}).decode().encode("utf-32"),
        "EBCDIC": f"CARD {NUMBER} 1227".encode("cp037"),
        "Latin-1": f"{in_groups(NUMBER, chr(0xA0))} Zoë".encode("latin-1"),
        "a byte order mark": b"\xef\xbb\xbf" + as_json({"pan": NUMBER}),
        "NaN beside it": f'{{"pan":"{NUMBER}","a":NaN}}'.encode(),
        "a hundred thousand lists": b"[" * 30_000 + NUMBER.encode() + b"]" * 30_000,
        "a message too large": as_json({"filler": "x" * 70_000, "pan": NUMBER}),
        "digits that overlap": f"{NUMBER} 12/27 123".encode(),
    }.items():
        for topic in (CREATED, TRACKED):
            yield _caught(f"{name}, on {topic}", topic, value, _WHERE.get(name, ""))


_WHERE: Final = {"a byte order mark": "pan", "NaN beside it": "pan"} | dict.fromkeys(
    ("UTF-16", "UTF-16, unmarked", "UTF-32"), "pan"
)


def _left_alone() -> Iterator[Case]:
    """What looks like card data and is none must come through."""
    for name, card in {
        "a UUID of digits alone": "40000000-0000-4000-8000-400000000002",
        "a ULID": "01HX8Z4000000000000002ABCD",
        "32 digits": "40000000000000024000000000000002",
        "a number with a name before": f"issue-{ALLOWED}",
        "19 digits": "1772366400000000007",
    }.items():
        yield good(
            f"no card data: {name}", CREATED, created(f"pan/{name.replace(' ', '-')}", card_id=card)
        )
    for name, number in {
        "UPS": "1Z999AA10123456784",
        "FedEx": "986578788855",
        "FedEx 20": "61299998820821171811",
        "USPS": "9400111899223197428490",
        "DHL": "JJD014600003123456789",
        "Aramex": "44721099312",
        "SX": f"SX{ALLOWED[:9]}GB",
        "one with a prefix": f"AWB{ALLOWED}",
    }.items():
        said = notified(f"pan/{name.replace(' ', '-')}", state="SHIPPED")
        said["detail"]["shipment"] = {"trackingNumber": number}
        yield good(f"no card data: a tracking number of {name}", TRACKED, tracking(said))
    trace = b"00-40000000000000024000000000000002-4000000000000002-01"
    headers = (("traceparent", trace),)
    yield good("no card data: a trace", CREATED, created("pan/trace"), headers=headers)
    phone = created("pan/phone", phone="+4915112345678", at=1_767_366_400_000)
    yield good("no card data: a telephone and a time", CREATED, phone)
    wrapped = base64.b64encode(b"a" * 300).decode()
    yield good("no card data: base64", CREATED, created("pan/base64", blob=wrapped))

"""Bytes that are no message: encodings, sizes, nesting, and what other programs send."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Final

from card_fulfillment.messages.envelope import RefusalReason

from .case import (
    CREATED,
    REQUESTED,
    TRACKED,
    Case,
    as_json,
    bad,
    created,
    everywhere,
    good,
    no_object,
)

_MOST: Final = 65_536
_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06"
_AVRO: Final = b"Obj\x01\x04\x14avro.codec\x08null\x16avro.schema"
_PARQUET: Final = b"PAR1\x15\x04\x15\x10\x15\x14"
_PROTOBUF: Final = b"\x0a\x06card-1\x12\x04gold\x18\x96\x01"
_CLASS: Final = b"\xca\xfe\xba\xbe\x00\x00\x00A"
_JAVA: Final = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap"
_PICKLE: Final = (
    b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
)
_YAML: Final = b"!!python/object/apply:os.system ['true']\n"
_BOMB: Final = (
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'xxxx'><!ENTITY c '&b;&b;'>]><a>&c;</a>"
)
_XXE: Final = b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"


def cases() -> Iterator[Case]:
    yield from _no_json()
    yield from _encodings()
    yield from _other_formats()
    yield from _nested()
    yield from _sizes()


def _no_json() -> Iterator[Case]:
    for name, value in {
        "true": b"true",
        "a number": b"12",
        "a text": b'"card-1"',
        "a list": b"[]",
        "a list of messages": as_json([created("one of a list")]),
        "lists 1,000 deep": b"[" * 1_000 + b"]" * 1_000,
    }.items():
        yield from no_object(name, value)
    for name, value in {
        "a space": b" ",
        "a NUL": b"\x00",
        "null": b"null",
        "an open brace": b"{",
        "a cut message": as_json(created("cut"))[:-9],
        "two messages in a row": as_json(created("a")) + as_json(created("b")),
        "a line break and another message": as_json(created("c")) + b"\n" + as_json(created("d")),
        "something after the message": as_json(created("e")) + b" x",
        "single quotes": b"{'event_id': 'a'}",
        "a trailing comma": b'{"event_id":"a",}',
        "a comment": b'{/* */"event_id":"a"}',
        "a bare NaN": b"NaN",
        "a form": b"event_id=a&card_id=b",
    }.items():
        yield from everywhere(name, value)
    yield from everywhere("no bytes", b"", RefusalReason.EMPTY)
    yield from everywhere("a tombstone", None, RefusalReason.EMPTY)
    yield from everywhere("a tombstone without a key", None, RefusalReason.EMPTY, key=None)
    for topic in (CREATED, REQUESTED):
        yield bad(f"an empty object, on {topic}", topic, {}, "event_id")
    yield bad("an empty object, of a vendor", TRACKED, {})


def _encodings() -> Iterator[Case]:
    text = as_json(created("encoded", labels={"name": "Zoë"}))
    for name, value in {
        "a byte order mark": b"\xef\xbb\xbf" + text,
        "UTF-16": text.decode().encode("utf-16"),
        "UTF-16, little end first, unmarked": text.decode().encode("utf-16-le"),
        "UTF-16, big end first, unmarked": text.decode().encode("utf-16-be"),
        "UTF-32": text.decode().encode("utf-32"),
        "Latin-1": text.decode().encode("latin-1"),
        "EBCDIC": as_json(created("encoded")).decode().encode("cp037"),
        "half a character": text.replace("ë".encode(), b"\xc3"),
        "an overlong slash": text.replace(b"gold", b"\xc0\xaf"),
        "an overlong NUL": text.replace(b"gold", b"\xc0\x80"),
        "a surrogate in UTF-8": text.replace(b"gold", b"\xed\xa0\x80"),
        "beyond Unicode": text.replace(b"gold", b"\xf4\x90\x80\x80"),
        "a lone surrogate, escaped": text.replace(b"gold", b"\\ud800"),
        "surrogates the wrong way round": text.replace(b"gold", b"\\udc00\\ud800"),
        "a raw control character": text.replace(b"gold", b"go\x01ld"),
        "a raw NUL": text.replace(b"gold", b"go\x00ld"),
        "an unknown escape": text.replace(b"gold", b"go\\xld"),
    }.items():
        yield from everywhere(name, value)


def _other_formats() -> Iterator[Case]:
    for name, value in {
        "gzip": gzip.compress(as_json(created("compressed")), mtime=0),
        "zstd": b"\x28\xb5\x2f\xfd\x04\x00\x41\x00\x00hostile",
        "a zip archive": _zipped(as_json(created("zipped"))),
        "a PNG": _PNG,
        "a PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj",
        "Avro": _AVRO,
        "Parquet": _PARQUET,
        "protobuf": _PROTOBUF,
        "a Java class": _CLASS,
        "a serialised Java object": _JAVA,
        "a pickle": _PICKLE,
        "MessagePack": b"\x82\xa8event_id\xa1a\xa7card_id\xa1b",
        "CBOR": b"\xa2\x68event_id\x61a\x67card_id\x61b",
        "BSON": b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00",
        "a schema registry's prefix": b"\x00" + struct.pack(">I", 7) + as_json(created("framed")),
        "XML": b"<?xml version='1.0'?><card id='1'/>",
        "XML with entities": _BOMB,
        "XML that reads a file": _XXE,
        "YAML that runs a program": _YAML,
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "CSV": b"event_id,card_id\n1,2\n",
        "EDIFACT": b"UNB+UNOA:1+A+B+260301:0930+1'",
        "ISO 8583": b"0100\xf2\x3c\x44\x81\x08\xe0\x80\x00",
        "an HTTP request": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n{}",
        "a shell script": b"#!/bin/sh\ncurl x | sh\n",
    }.items():
        yield from everywhere(name, value)


def _zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.json"), data)
    return out.getvalue()


def _nested() -> Iterator[Case]:
    yield from everywhere("lists 30,000 deep", b"[" * 30_000 + b"]" * 30_000)
    yield from everywhere("lists without an end", b"[" * 60_000)
    yield from everywhere("lists 100,000 deep", b"[" * 100_000, RefusalReason.TOO_LARGE)
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    yield from everywhere("objects 5,000 deep", deep)
    for depth, name in ((100, "an unknown field 100 deep"), (900, "an unknown field 900 deep")):
        inner = b"[" * depth + b"]" * depth
        message = as_json(created(name))[:-1] + b',"extra":' + inner + b"}"
        yield good(name, CREATED, message) if depth == 100 else bad(name, CREATED, message)


def _sizes() -> Iterator[Case]:
    for topic in (CREATED,):
        for name, size in (("just not too large", _MOST - 1), ("as large as may be", _MOST)):
            yield good(name, topic, _padded(name, size))
        yield bad("a byte too large", topic, _padded("x", _MOST + 1), "", RefusalReason.TOO_LARGE)
    yield from everywhere("spaces alone", b" " * 60_000)
    yield from everywhere("a million bytes", b"x" * 1_000_000, RefusalReason.TOO_LARGE)
    yield from everywhere("a million NULs", b"\x00" * 1_000_000, RefusalReason.TOO_LARGE)
    yield from everywhere("a million digits", b"7" * 1_000_000, RefusalReason.TOO_LARGE)
    many = b"{" + b",".join(b'"%x":0' % number for number in range(100_000)) + b"}"
    yield from everywhere("100,000 unknown fields", many, RefusalReason.TOO_LARGE)
    few = json.dumps(created("many-fields") | {f"k{n}": n for n in range(4_500)})
    yield good("4,500 unknown fields", CREATED, few.replace(" ", "").encode())


def _padded(name: str, size: int) -> bytes:
    message = as_json(created(name, filler=""))
    return message.replace(b'"filler": ""', b'"filler": "%s"' % (b"x" * (size - len(message))))

"""Every hostile record by itself: the decoder refuses exactly what it must, and at once."""

import json
import time
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from card_fulfillment.domain.facts import Statement
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.pan_guard import PanGuard, Spared
from card_fulfillment.pipeline.batch import Element, RecordClass
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology

from .case import SENT_AT, Case
from .corpus import CORPUS

_KNOWN = topology(Settings())
_MOST_BYTES = Settings().intake.max_record_bytes
DECODE = Decoder(_KNOWN.readers, PanGuard((), _KNOWN.spared, _MOST_BYTES), _MOST_BYTES)
ENCODER = Encoder()
# Processor time; a busy machine is no fault of the decoder, nor a slow one. Squares take minutes.
_MOST_SECONDS = 0.05
_MOST_SECONDS_FOR_A_MILLION_BYTES = 0.5
_LATER = {RecordClass.DUPLICATE, RecordClass.PARKED, RecordClass.APPLIED}


def record(case: Case) -> Record:
    return Record(case.topic, 0, 41, SENT_AT * 1000, case.key, case.value, case.headers)


def is_later_known(case: Case) -> bool:
    """Whether it takes the stored state to see what is wrong with it."""
    return any(reason.endswith("_conflict") for reason, _ in case.refusals)


def seconds(case: Case) -> tuple[float, tuple[Element, ...]]:
    began = time.process_time()
    elements = DECODE(record(case)).elements
    return time.process_time() - began, elements


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_hostile_record_is_refused_exactly_as_the_catalogue_says(case: Case) -> None:
    taken, elements = min((seconds(case) for _ in range(2)), key=lambda timed: timed[0])
    limit = _MOST_SECONDS_FOR_A_MILLION_BYTES if len(case.value or b"") > 100_000 else _MOST_SECONDS
    assert taken < limit
    refused = [each for each in elements if isinstance(each, Refused)]
    if case.became is RecordClass.QUARANTINED and not is_later_known(case):
        found = Counter({(each.reason, each.field_path) for each in refused})
        assert found == Counter(case.refusals)
    elif case.became is RecordClass.IGNORED:
        assert elements
        assert all(isinstance(each, Ignored) for each in elements)
    else:
        assert case.became in _LATER or is_later_known(case)
        assert any(isinstance(each, Statement) for each in elements)
        assert refused == []


@pytest.mark.parametrize(
    "case", [case for case in CORPUS if case.refusals], ids=lambda case: case.name
)
def test_what_is_told_of_a_refused_record_is_bounded_and_quotes_nothing(case: Case) -> None:
    for each in DECODE(record(case)).elements:
        if isinstance(each, Refused):
            told = f"{each.field_path} {each.message}"
            assert len(told) < 400
            assert told.isprintable()
            assert "hostile/" not in told
            letter = DeadLetter.of(record(case), each)
            out = ENCODER.dead_letter(letter, SENT_AT * 1000)
            everything = (repr(letter) + out.headers + str(out.key)).encode() + out.value
            assert case.secret is None or case.secret not in _digits_of(everything)


def _digits_of(data: bytes) -> str:
    return data.translate(None, b" -._+/\\u").decode()


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    names = Counter(case.name for case in CORPUS)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(CORPUS) >= 120
    assert {case.became for case in CORPUS} == set(RecordClass)


def test_where_the_guard_itself_fails_nothing_of_the_record_is_kept() -> None:
    nothing: Any = None
    broken = PanGuard((), {"card-created": Spared(paths=nothing)}, _MOST_BYTES)
    decoder = Decoder(_KNOWN.readers, broken, _MOST_BYTES)
    taken = Record("card-created", 0, 0, SENT_AT, b"k", b'"4111111111111111"', (("h", b"v"),))
    (refused,) = decoder(taken).elements
    assert isinstance(refused, Refused)
    assert refused.message.startswith("the guard failed: ")
    letter = DeadLetter.of(taken, refused)
    assert (letter.key, letter.value, letter.headers) == (None, None, ())


def _too_many_codes(size: int) -> bytes:
    """A push with an unknown code in each of its notifications, that is so long."""
    each = {"card": "c", "startedAt": "2026-03-01T06:00:00Z", "detail": {"state": "X"}}
    count = size // len(json.dumps(each))
    return json.dumps({"notifications": [each] * count}).encode()


@pytest.mark.parametrize(("size", "most"), [(4_000, 9), (20_000, 4), (60_000, 2)])
def test_what_is_kept_of_refused_elements_is_no_multiple_of_a_large_record(
    size: int, most: int
) -> None:
    value = _too_many_codes(size)
    decoded = DECODE(Record("perso-vendor-tracking-meridian", 0, 0, SENT_AT, b"k", value))
    letters = [DeadLetter.of(decoded.record, e) for e in decoded.elements if isinstance(e, Refused)]
    assert 1 < len(letters) <= most
    assert sum(len(letter.value or b"") for letter in letters) <= 2 * 65_536


def test_of_a_value_larger_than_any_broker_takes_nothing_is_looked_through_or_kept() -> None:
    value = b"4012888888881881 " * 100_000
    began = time.process_time()
    (refused,) = DECODE(Record("card-created", 0, 0, SENT_AT, b"k", value)).elements
    assert time.process_time() - began < 0.2
    assert isinstance(refused, Refused)
    assert refused.reason is RefusalReason.TOO_LARGE
    letter = DeadLetter.of(Record("card-created", 0, 0, SENT_AT, b"k", value), refused)
    assert letter.value is None
    assert letter.sha256 == sha256(value).hexdigest()


def test_the_key_of_such_a_record_is_looked_through() -> None:
    record = Record("card-created", 0, 0, SENT_AT, b"4012888888881881", b" " * 2_000_000)
    (refused,) = DECODE(record).elements
    assert isinstance(refused, Refused)
    assert refused.reason is RefusalReason.CARD_DATA

"""Whatever a vendor sends: nothing raises, and every element is told about."""

from pathlib import Path

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vendor_samples import RECEIVED, outcomes, profile_of

from card_fulfillment.domain.facts import DAY, Fact
from card_fulfillment.vendors.mapping import Ignored, Outcome, Unusable
from card_fulfillment.vendors.profile import load_profiles

MERIDIAN = load_profiles()["meridian"]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
STATES = st.sampled_from(["PERSO_DONE", "SHIPPED", "CANCELED", "RESHIPPED", ""])
SCANS = st.sampled_from(["InfoReceived", "InTransit", "Delivered", "Teleported", ""])
TIMES = st.sampled_from(
    ["2026-03-02T06:28:02.492Z", "2026-03-02", "2036-03-02T00:00:00Z", "no", ""]
)


def perhaps(known: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Mostly what the vendor documents, sometimes anything."""
    return st.one_of(known, known, known, ANY)


SHIPMENTS = st.fixed_dictionaries(
    {},
    optional={
        "status": perhaps(SCANS),
        "at": perhaps(TIMES),
        "carrier": perhaps(st.just("aramex")),
        "trackingNumber": perhaps(st.integers()),
        "trackingUrl": perhaps(st.just("https://track.example/1")),
    },
)
NOTIFICATIONS = st.fixed_dictionaries(
    {},
    optional={
        "card": perhaps(st.sampled_from(["c1", "c2", "0003"])),
        "issuerRef": perhaps(st.integers(0, 2**70)),
        "startedAt": perhaps(TIMES),
        "endedAt": perhaps(TIMES),
        "detail": perhaps(
            st.fixed_dictionaries(
                {}, optional={"state": perhaps(STATES), "shipment": perhaps(SHIPMENTS)}
            )
        ),
    },
)
MESSAGES = st.lists(perhaps(NOTIFICATIONS), max_size=5)


def in_bytes(elements: list[object]) -> bytes:
    return b'{"notifications":[%s]}' % b",".join(map(_dumped, elements))


def _dumped(element: object) -> bytes:
    return _exact(element).encode()


def _exact(value: object) -> str:
    """JSON with integers of any size, which orjson refuses to write."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_exact(str(k))}:{_exact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_exact, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return orjson.dumps(value).decode()


def alone(element: object) -> list[Outcome]:
    return outcomes(MERIDIAN, in_bytes([element]))


def told(outcome: Outcome) -> object:
    """Leave out the place of the element."""
    if not isinstance(outcome, Ignored | Unusable):
        return outcome
    _, _, path = outcome.path.partition("]")
    return (type(outcome), path, outcome.why if isinstance(outcome, Ignored) else outcome.reason)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_have_an_outcome(payload: bytes) -> None:
    assert outcomes(MERIDIAN, payload)


@given(ANY)
@settings(deadline=None)
def test_any_json_has_an_outcome(message: object) -> None:
    assert outcomes(MERIDIAN, message)
    assert outcomes(MERIDIAN, {"notifications": message})


EXPRESSIVE = """
vendor: odd
role: carrier
version: 1
live_tracking: true
assumed_zone: Europe/Berlin
reference_kinds: [waybill, piece]
rules:
  - each: {line: "message.lines[?kind != 'note']", piece: "line.pieces || `[]`"}
    references:
      waybill: line.number
      piece: "piece.max_by(codes, &weight).id"
    facts:
      - when: {one_of: {"piece.avg(sizes)": ["1", "2"]}}
        code: [line.stage, "piece.codes[-1].code"]
        codes: {"A/*": in_transit, "*/D": delivered}
        time: [{at: piece.time, format: "%d-%b-%Y %H:%M"}, line.time]
      - code: "piece.to_number(size)"
        codes: {"1": in_transit}
        reason: {at: "piece.sum(sizes)", codes: {"3": moved}}
        text: "piece.join(', ', notes)"
"""
PIECES = st.fixed_dictionaries(
    {},
    optional={
        "codes": perhaps(st.lists(st.fixed_dictionaries({"weight": SCALARS, "code": STATES}))),
        "sizes": perhaps(st.lists(st.floats(0, 9) | st.integers())),
        "size": perhaps(st.sampled_from(["1", "1.5", "1e999", 1])),
        "notes": perhaps(st.lists(st.text(max_size=5))),
        "time": perhaps(st.sampled_from(["05-Mar-2026 16:40", "31-Feb-2026 16:40"])),
    },
)
LINES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["scan", "note"])},
    optional={
        "number": perhaps(st.integers(0, 2**70)),
        "stage": perhaps(st.sampled_from(["A", "B"])),
        "pieces": perhaps(st.lists(perhaps(PIECES), max_size=3)),
        "time": perhaps(TIMES),
    },
)


@given(ANY | st.lists(perhaps(LINES), max_size=3))
@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_expressions_never_raise_whatever_they_meet(tmp_path: Path, lines: object) -> None:
    odd = profile_of(tmp_path, EXPRESSIVE)

    assert outcomes(odd, f'{{"lines":{_exact(lines)}}}'.encode())


@given(MESSAGES)
@settings(deadline=None, max_examples=300)
def test_each_element_becomes_what_it_becomes_alone(elements: list[object]) -> None:
    together = outcomes(MERIDIAN, in_bytes(elements))

    if elements:
        assert [told(o) for o in together] == [told(o) for e in elements for o in alone(e)]
    else:
        assert together == [Ignored("", "no elements")]


@given(MESSAGES)
@settings(deadline=None)
def test_every_outcome_that_is_no_fact_says_where(elements: list[object]) -> None:
    for i, element in enumerate(elements):
        found = outcomes(MERIDIAN, in_bytes([None] * i + [element]))[i:]
        assert found
        assert all(
            o.path.startswith(f"notifications[{i}]")
            for o in found
            if isinstance(o, Ignored | Unusable)
        )


@given(NOTIFICATIONS)
@settings(deadline=None)
def test_a_fact_is_within_its_bounds(element: object) -> None:
    for outcome in alone(element):
        if isinstance(outcome, Fact):
            assert outcome.references
            assert outcome.stated <= RECEIVED + DAY
            assert len(outcome.fact_id) == len(outcome.content) == 16
            assert all(0 < len(reference.value) <= 256 for reference in outcome.references)
        elif isinstance(outcome, Unusable):
            assert len(outcome.code or "") <= 513


@given(NOTIFICATIONS)
@settings(deadline=None)
def test_neither_the_order_of_fields_nor_unknown_ones_make_another_fact(
    element: dict[str, object],
) -> None:
    other = dict([("sentAt", "2026-03-02T00:00:00Z"), *reversed(element.items())])

    assert alone(other) == alone(element)

"""What explain tells is what the worker does: it asks the same pieces."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from card_fulfillment.domain.facts import Cause, Fact
from card_fulfillment.onboarding.story import story
from card_fulfillment.vendors.explaining import Tried, Visited, _Trace, explain
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.outcomes import Outcome, Unusable
from card_fulfillment.vendors.profile import load_profiles

BUILT_IN = load_profiles()
MERIDIAN = BUILT_IN["meridian"]
NOW = 4_000_000_000_000_000
CAUSE = Cause(None, "explain", 0, 0)


def mapped(payload: bytes) -> list[Outcome]:
    return map_message(MERIDIAN, payload, received_at=NOW, headers={}, cause=CAUSE)


def notification(state: str, **more: object) -> dict[str, object]:
    return {"card": "c1", "startedAt": "2026-03-02T06:00:00Z", "detail": {"state": state}} | more


def of(*notifications: object) -> bytes:
    return orjson.dumps({"notifications": list(notifications)})


def told(payload: bytes) -> list[Tried]:
    explanation = explain(MERIDIAN, payload, received_at=NOW, headers={})
    return [
        tried
        for trace in explanation.rules
        for met in trace.met
        if isinstance(met, Visited)
        for tried in met.tried
    ]


STATES = st.sampled_from(["PERSO_DONE", "SHIPPED", "ELSEWHERE", "", 7, None])
TIMES = st.sampled_from(["2026-03-02T06:00:00Z", "2026-03-02", "soon", "", None, 1.5])
NOTIFICATIONS = st.fixed_dictionaries(
    {},
    optional={
        "card": st.sampled_from(["c1", "", 2**70, {}]),
        "startedAt": TIMES,
        "endedAt": TIMES,
        "detail": st.none()
        | st.fixed_dictionaries({"state": STATES}, optional={"shipment": st.none() | st.just({})}),
    },
)


@given(st.lists(NOTIFICATIONS | st.none() | st.integers(), max_size=4))
@settings(deadline=None)
def test_what_is_told_to_come_out_is_what_comes_out(notifications: list[object]) -> None:
    payload = json.dumps({"notifications": notifications}).encode()

    explanation = explain(MERIDIAN, payload, received_at=NOW, headers={})

    assert explanation.outcomes == mapped(payload)
    if notifications:
        beside = [met.outcome for trace in explanation.rules for met in trace.met]
        beside += [tried.outcome for tried in told(payload)]
        assert sorted(map(repr, filter(None, beside))) == sorted(map(repr, explanation.outcomes))
    assert story(explanation, MERIDIAN.source)


def test_every_outcome_stands_beside_what_led_to_it() -> None:
    payload = of(
        notification("SHIPPED", detail={"state": "SHIPPED", "shipment": {"status": "Lost?"}}),
        notification("PERSO_DONE", card=None),
        notification("ELSEWHERE"),
    )

    beside = [
        (tried.statement, type(tried.outcome).__name__) for tried in told(payload) if tried.outcome
    ]

    assert beside == [(0, "Fact"), (1, "Unusable"), (0, "Unusable"), (0, "Unusable")]


def test_of_a_message_that_is_read_twice_the_second_reading_is_told() -> None:
    payload = of(notification("PERSO_DONE")).replace(b'"c1"', b"1234567890123456789012345")

    (tried, _) = told(payload)

    assert isinstance(tried.outcome, Fact)
    assert tried.outcome.references[0].value == "1234567890123456789012345"


@pytest.mark.parametrize("vendor", BUILT_IN)
def test_every_piece_of_a_profile_is_watched(vendor: str) -> None:
    trace = _Trace(BUILT_IN[vendor])
    for i, rule in enumerate(BUILT_IN[vendor].rules):
        watched = dict(pieces(trace.watched(i, rule), ""))
        assert watched
        assert not {at for at, piece in pieces(rule, "") if watched[at] is piece}


def pieces(part: object, at: str) -> Iterator[tuple[str, object]]:
    if is_dataclass(part) and not isinstance(part, type):
        for each in fields(part):
            yield from pieces(getattr(part, each.name), f"{at}.{each.name}")
    elif isinstance(part, tuple):
        for i, each in enumerate(part):
            yield from pieces(each, f"{at}.{i}")
    elif callable(part) and not isinstance(part, type):
        yield at, part


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(BUILT_IN)), ANY | st.binary(max_size=50))
@settings(deadline=None)
def test_explain_has_a_story_of_anything(vendor: str, message: object) -> None:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    profile = BUILT_IN[vendor]

    explanation = explain(profile, payload, received_at=NOW, headers={})

    assert explanation.outcomes == map_message(
        profile, payload, received_at=NOW, headers={}, cause=CAUSE
    )
    assert len(story(explanation, profile.source)) >= len(explanation.rules)


def test_a_time_at_the_end_of_all_years_is_told() -> None:
    last = of(notification("PERSO_DONE", startedAt="9999-12-31T23:59:59-03:00"))

    explanation = explain(MERIDIAN, last, received_at=NOW, headers={})

    (outcome,) = explanation.outcomes
    assert isinstance(outcome, Unusable)
    assert outcome.reason == "future_time"
    steps = story(explanation, MERIDIAN.source)[0].met[1].facts[0].steps
    assert "after the year 9999, exact" in [step.says for step in steps][-1]


@pytest.mark.parametrize("vendor", BUILT_IN)
def test_explain_agrees_with_the_worker_on_every_example(vendor: str) -> None:
    profile = BUILT_IN[vendor]
    for example in profile.examples:
        for message in example.messages:
            payload = message.encode()
            explanation = explain(profile, payload, received_at=NOW, headers={})
            assert explanation.outcomes == map_message(
                profile, payload, received_at=NOW, headers={}, cause=CAUSE
            )
            assert len(story(explanation, profile.source)) >= len(explanation.rules)

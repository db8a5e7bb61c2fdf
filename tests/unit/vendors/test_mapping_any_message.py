"""Whatever a vendor sends: nothing raises, every element is told about, none takes long."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import ANY, mutated, profiles, samples
from vendor_samples import RECEIVED, outcomes

from card_fulfillment.domain.facts import DAY, Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.vendors.explaining import Looked, Visited, explain
from card_fulfillment.vendors.masking import mask_of
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import Profile

_FULL: Final = 65_536
_SLOW: Final = 0.1  # of processor time; what takes the square of its length takes seconds
of_each = pytest.mark.parametrize("name", sorted(profiles()))


@of_each
@given(payload=st.binary(max_size=300))
def test_any_bytes_have_an_outcome(name: str, payload: bytes) -> None:
    profile = profiles()[name]
    form = {"content-type": b"application/x-www-form-urlencoded"}

    assert outcomes(profile, payload)
    assert outcomes(profile, payload, headers=form)
    mask = mask_of(profile)
    if mask is not None:
        mask(payload, form)


@of_each
@given(message=ANY)
def test_any_json_has_an_outcome(name: str, message: object) -> None:
    profile = profiles()[name]
    assert outcomes(profile, json.dumps(message).encode())


@of_each
@given(data=st.data())
def test_of_any_message_each_element_is_told_about(name: str, data: st.DataObject) -> None:
    profile = profiles()[name]
    payload = json.dumps(data.draw(mutated(samples(profile)))).encode()

    found = outcomes(profile, payload)

    explained = explain(profile, payload, received_at=RECEIVED, headers={})
    assert len(found) == len(explained.outcomes)
    assert found
    for trace in explained.rules:
        for met in trace.met:
            assert isinstance(met, Looked) or _is_told(met)
    for outcome in found:
        _check(outcome)


def _is_told(visited: Visited) -> bool:
    return visited.outcome is not None or any(t.outcome is not None for t in visited.tried)


def _check(outcome: Fact | FileLine | Ignored | Unusable) -> None:
    """Look at the bounds that everybody after the mapping counts on."""
    match outcome:
        case Fact():
            assert outcome.references
            assert outcome.stated <= RECEIVED + DAY
            assert len(outcome.fact_id) == len(outcome.content) == 16
            texts = [r.value for r in outcome.references] + [n.value for _, n in outcome.names]
            assert all(0 < len(text) <= 256 and "\0" not in text for text in texts)
            assert outcome.serials is None or 1 <= outcome.serials[0] <= outcome.serials[1]
            "".join([*texts, outcome.code or "", outcome.text or ""]).encode()
        case FileLine():
            assert 0 <= outcome.line < 2**31
        case Unusable():
            assert len(outcome.code or "") <= 513
        case Ignored():
            assert outcome.why


@of_each
@given(data=st.data())
def test_neither_the_order_of_fields_nor_unknown_ones_make_another_fact(
    name: str, data: st.DataObject
) -> None:
    profile = profiles()[name]
    message = data.draw(mutated(samples(profile)))
    if not isinstance(message, dict):
        return
    other = {"no field of anybody": [1, 2], **dict(reversed(message.items()))}

    assert outcomes(profile, json.dumps(other).encode()) == outcomes(
        profile, json.dumps(message).encode()
    )


def _deeper(depth: int) -> object:
    node: object = "leaf"
    for _ in range(depth):
        node = [node]
    return node


def _long(message: object) -> Iterator[object]:
    """Fill up a list of a message, the outermost or the innermost, until it is full."""
    for grow in (_repeated, _emptied, _spoilt, _with_texts):
        for depth in (0, 9):
            full: Any = copy.deepcopy(message)
            if _grown(full, grow, _FULL - len(json.dumps(full)) - 200, depth):
                yield full


def _repeated(item: object) -> object:
    return item


def _emptied(_item: object) -> object:
    return {}


def _spoilt(item: object) -> object:
    return dict.fromkeys(item, 1e300) if isinstance(item, dict) else 1e300


def _with_texts(item: object) -> object:
    return dict.fromkeys(item, "-1 " * 80) if isinstance(item, dict) else "a"


def _grown(node: Any, grow: Callable[[object], object], room: int, depth: int) -> bool:  # noqa: ANN401 - any JSON
    """Fill up the first list, or as many levels below it as there are."""
    if isinstance(node, list) and node:
        if depth and _grown(node[0], grow, room, depth - 1):
            return True
        more = grow(node[0])
        node += [more] * (room // (len(json.dumps(more)) + 2))
        return True
    if isinstance(node, dict):
        return any(_grown_in(node, key, grow, room, depth) for key in node)
    return False


def _grown_in(
    node: dict[str, Any], key: str, grow: Callable[[object], object], room: int, depth: int
) -> bool:
    """Fill up a value, or the JSON that it holds as a text: there each quote is two characters."""
    value = node[key]
    if not (isinstance(value, str) and value.startswith("{")):
        return _grown(value, grow, room, depth)
    inner = json.loads(value)
    if not _grown(inner, grow, room * 2 // 3, depth):
        return False
    node[key] = json.dumps(inner)
    return True


@of_each
def test_no_message_takes_long(name: str) -> None:
    profile = profiles()[name]
    hostile = [full for sample in samples(profile)[:12] for full in _long(sample)]
    hostile += [_deeper(900), _deeper(30_000), {"payload": "[" * 60_000}, "9" * 60_000]
    payloads = [json.dumps(each).encode() for each in hostile if _depth_is_written(each)]
    payloads += [b"[" * 60_000, b'{"payload":"' + b"{" * 60_000 + b'"}', b"9" * 60_000]

    slowest = max(min(_seconds(profile, payload) for _ in range(3)) for payload in payloads)

    assert slowest < _SLOW


def _depth_is_written(message: object) -> bool:
    try:
        json.dumps(message)
    except RecursionError:
        return False
    return True


def _seconds(profile: Profile, payload: bytes) -> float:
    began = time.process_time()
    assert outcomes(profile, payload)
    return time.process_time() - began

"""Messages like those of a profile's examples, and not quite."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from card_fulfillment.vendors.profile import Profile, built_in, load_profile

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2026-03-02", "05-Mar-2026", "16:40", "/Date(1)/", "[1]", '{"a":', "1/0"])
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
_HERE: Final = Path(__file__).parent


@cache
def profiles() -> dict[str, Profile]:
    """All that come with the worker, the public feeds of these tests, and that with everything."""
    paths = [*built_in(), *sorted((_HERE / "feeds").glob("*.yaml")), _HERE / "everything.yaml"]
    return {path.name.removesuffix(".yaml"): load_profile(path) for path in paths}


def samples(profile: Profile) -> list[object]:
    """The messages of its examples, with the JSON in their texts opened."""
    texts = [text for example in profile.examples for text in example.messages]
    return [json.loads(text) for text in texts if text.strip().startswith(("{", "["))]


@st.composite
def mutated(draw: st.DrawFn, originals: list[object]) -> object:
    """A few places of a message changed: other values, nothing, the same once more."""
    message: Any = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        message = _changed(draw, message)
    return message


def _changed(draw: st.DrawFn, node: Any) -> Any:  # noqa: ANN401 - any JSON
    inside = isinstance(node, dict | list) and len(node) > 0 and draw(st.integers(0, 9)) > 0
    if (
        isinstance(node, str)
        and node.startswith("{")
        and node.endswith("}")
        and draw(st.booleans())
    ):
        return json.dumps(_changed(draw, json.loads(node)))
    if not inside:
        return draw(ANY)
    places = list(node) if isinstance(node, dict) else list(range(len(node)))
    place = draw(st.sampled_from(places))
    match draw(st.sampled_from(["change", "change", "remove", "repeat"])):
        case "remove":
            del node[place]
        case "repeat" if isinstance(node, list):
            node.append(copy.deepcopy(node[place]))
        case _:
            node[place] = _changed(draw, node[place])
    return node

"""What a profile marks private is masked before a message is stored anywhere."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlencode

from card_fulfillment.messages.dead_letter import Mask
from card_fulfillment.messages.pan_guard import EACH, Path
from card_fulfillment.vendors.bodies import Body, body_of, opened, parse_exactly
from card_fulfillment.vendors.paths import read_though_private
from card_fulfillment.vendors.plug_ins import PlugIn, Unreadable
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.selectors import denies, is_filler

MASKED: Final = "(masked)"


def mask_of(profile: Profile) -> Mask | None:
    """Return null where all of a message may be stored."""
    if profile.plug_in is not None:
        return _mask_of_plug_in(profile.plug_in, all_of_it=not profile.private)
    if not profile.private:
        return None
    if any(read_though_private(profile.source)):
        return _nothing
    paths, otherwise = tuple(sorted(profile.private)), profile.body

    def mask(payload: bytes, headers: Mapping[str, bytes]) -> bytes | None:
        return _masked(payload, body_of(headers, otherwise), paths)

    return mask


def _nothing(_payload: bytes, _headers: Mapping[str, bytes]) -> None:
    """Keep nothing of what would not say the same with its private parts masked."""


def _mask_of_plug_in(plug_in: PlugIn, *, all_of_it: bool) -> Mask:
    """Keep all of a message, or nothing: nobody knows how it is written with a part masked.

    Of what the plug-in cannot tell nothing either: there may be card numbers packed in it.
    """

    def mask(payload: bytes, headers: Mapping[str, bytes]) -> bytes | None:
        try:
            plug_in.in_json(payload, headers)
        except Unreadable:
            return None
        return payload if all_of_it else None

    return mask


def _masked(payload: bytes, body: Body, paths: Iterable[Path]) -> bytes | None:
    """Of what cannot be read nobody knows where the private parts are: nothing of it is kept.

    Nor of a text, which may be a message that was written in JSON twice.

    A redrive reads what is kept: it must say the same, and be no longer than the intake lets pass.
    """
    try:
        document = parse_exactly(payload, body)
        message, _ = opened(document, {}, body)
        if isinstance(message, str):
            return None
        for path in paths:
            _cover(message, path)
        if body == "form":
            return urlencode(cast("dict[str, object]", document), doseq=True).encode()
        text = json.dumps(document, default=float, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="surrogatepass")
    except (ValueError, RecursionError):
        return None


def _cover(node: object, path: Sequence[str]) -> None:
    step, rest = path[0], path[1:]
    if isinstance(node, list):
        _cover_each(node, path)
    elif step == EACH:
        _cover(node, rest)
    elif isinstance(node, dict) and not (is_filler(node.get(step)) or denies(node[step])):
        if any(each != EACH for each in rest) and isinstance(node[step], dict | list):
            _cover(node[step], rest)
        else:
            node[step] = MASKED


def _cover_each(nodes: list[object], path: Sequence[str]) -> None:
    """A text where an object is expected may be one: written in JSON twice, it hides nothing."""
    for place, each in enumerate(nodes):
        if isinstance(each, str) and not is_filler(each):
            nodes[place] = MASKED
        else:
            _cover(each, path)

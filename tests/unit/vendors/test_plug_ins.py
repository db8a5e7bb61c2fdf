"""Plug-ins: what they tell is read as JSON is, and what goes wrong in them harms nobody else."""

import base64
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
import pytest
from vendor_samples import FLAT, HEAD, fact, outcomes, profile_of

from card_fulfillment.domain.facts import Fact
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.messages.pan_guard import PanGuard, Spared
from card_fulfillment.vendors.masking import mask_of
from card_fulfillment.vendors.mistakes import ProfileError
from card_fulfillment.vendors.outcomes import Refusal, Unusable
from card_fulfillment.vendors.profile import Profile
from plug_in_samples import importable, install

CARD_NUMBER: Final = "4111111111111111"
# Passes Luhn and begins like a card number, but the profile says that it is a reference.
LOOKS_LIKE_ONE: Final = "BX4111111111111111"

SOURCE: Final = """
import base64, json, zlib

def pairs(body, headers):
    '''`card=c1;code=S`, and a header that says which code otherwise.'''
    said = dict(each.split('=', 1) for each in body.decode().split(';'))
    return {'code': headers.get('code', b'A').decode()} | said

def packed(body, headers):
    return json.loads(zlib.decompress(base64.b64decode(body)))

def unpacks_into_headers(body, headers):
    headers['code'] = zlib.decompress(body)
    return {'card': 'c1'} | {name: value.decode() for name, value in headers.items()}

def fails(body, headers):
    raise KeyError(body)

def no_json(body, headers):
    return {'card': {1, 2}}

def round_and_round(body, headers):
    found = []
    found.append(found)
    return found

def of_texts_alone(body, headers):
    return {('card',): 'c1'}

class Panic(BaseException):
    pass

def panics(body, headers):
    raise Panic(body)

def exits(body, headers):
    raise SystemExit(0)

def is_stopped(body, headers):
    raise KeyboardInterrupt

class Odd(dict):
    def items(self):
        raise KeyError(1)

def inflates(body, headers):
    return {'card': 'c1', 'code': 'S', 'note': 'x' * int(body)}

def odd(body, headers):
    return Odd(card='c1')

asked = []
def fickle(body, headers):
    '''At every second time something else.'''
    asked.append(body)
    first = {'card': 'first', 'code': 'S'}
    return first if len(asked) % 2 else {'card': 'c', 'code': 'S', 'note': '4111111111111111'}

no_function = 7
"""
ENTRIES: Final = "\n".join(
    f"{name} = falcon_feed:{name}"
    for name in (
        "pairs", "packed", "fails", "no_json", "round_and_round", "of_texts_alone", "no_function",
        "unpacks_into_headers", "panics", "exits", "is_stopped", "odd", "inflates", "fickle",
    )
) + """
broken = falcon_feeed:pairs
lost = falcon_feed:nowhere
leaves = falcon_feed_script:main
wordy = falcon_feed_wordy:main"""  # fmt: skip


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, SOURCE, ENTRIES)
    (tmp_path / "falcon_feed_script.py").write_text("raise SystemExit(0)")
    (tmp_path / "falcon_feed_wordy.py").write_text(r"raise ImportError('no zlib\n\n  build it')")
    importable(tmp_path, monkeypatch)


def reading(directory: Path, plug_in: str, head: str = "") -> Profile:
    return profile_of(directory, f"{HEAD}plug_in: {plug_in}\n{head}{FLAT}")


def refused(profile: Profile, value: bytes, **headers: bytes) -> str | None:
    guard = PanGuard((), {"t": profile.spared}, 65_536)
    found = guard.refused(Record("t", 0, 0, 0, None, value, tuple(headers.items())))
    return None if found is None else found.field_path


def packed(message: object) -> bytes:
    return base64.b64encode(zlib.compress(orjson.dumps(message)))


def test_what_it_tells_is_what_the_same_in_json_would_be(tmp_path: Path) -> None:
    told = outcomes(reading(tmp_path, "pairs"), b"card=c1;code=S;at=2026-03-02T06:00:00Z")
    (same,) = outcomes(
        profile_of(tmp_path, HEAD + FLAT),
        {"card": "c1", "code": "S", "at": "2026-03-02T06:00:00Z"},
    )
    assert isinstance(same, Fact)
    assert [each.fact_id for each in told if isinstance(each, Fact)] == [same.fact_id]


def test_it_is_given_the_headers_and_no_content_type_decides(tmp_path: Path) -> None:
    headers = {"code": b"S", "content-type": b"application/x-www-form-urlencoded"}
    (found,) = outcomes(reading(tmp_path, "pairs"), b"card=c1", headers=headers)
    assert isinstance(found, Fact)
    assert found.status == "shipped"


def test_what_it_does_to_the_headers_is_not_what_the_profile_reads(tmp_path: Path) -> None:
    """Else the guard would not have seen what it puts there."""
    text = f"{HEAD}plug_in: unpacks_into_headers\n{FLAT}        text: header.code\n"
    profile, headers = profile_of(tmp_path, text), {"code": b"S"}
    (found,) = outcomes(profile, zlib.compress(b"A"), headers=headers)
    assert isinstance(found, Fact)
    assert (found.detail.code, found.detail.text) == ("A", "S")
    assert headers == {"code": b"S"}


def test_integers_of_any_length_are_kept(tmp_path: Path) -> None:
    number = "123456789012345678901234567890"
    message = base64.b64encode(zlib.compress(b'{"code":"S","card":%s}' % number.encode()))
    (found,) = outcomes(reading(tmp_path, "packed"), message)
    assert isinstance(found, Fact)
    assert found.references[0].value == number


@pytest.mark.parametrize(
    ("plug_in", "why"),
    [
        ("pairs", "nothing that the plug-in pairs reads"),
        ("fails", "the plug-in fails failed: KeyError"),
        ("packed", "nothing that the plug-in packed reads"),
        ("panics", "the plug-in panics failed: Panic"),
        ("exits", "the plug-in exits failed: SystemExit"),
        ("odd", "the plug-in odd tells what is no JSON"),
        ("no_json", "the plug-in no_json tells what is no JSON"),
        ("round_and_round", "the plug-in round_and_round tells what is no JSON"),
        ("of_texts_alone", "the plug-in of_texts_alone tells what is no JSON"),
    ],
)
def test_what_it_cannot_tell_is_malformed_in_words_without_the_message(
    tmp_path: Path, plug_in: str, why: str
) -> None:
    profile = reading(tmp_path, plug_in)
    assert outcomes(profile, b"secret") == [Unusable("", Refusal.MALFORMED, why)]
    assert refused(profile, b"secret") is None


def test_what_would_inflate_without_end_is_malformed(tmp_path: Path) -> None:
    profile = reading(tmp_path, "inflates")
    (found,) = outcomes(profile, b"1000000")
    assert isinstance(found, Fact)
    why = "the plug-in inflates tells more than 1048576 bytes of JSON"
    assert outcomes(profile, b"1048576") == [Unusable("", Refusal.MALFORMED, why)]


def test_whoever_waits_for_it_can_stop_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        outcomes(reading(tmp_path, "is_stopped"), b"")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nobodys", "no plug-in 'nobodys' is installed ("),
        ("pears", "no plug-in 'pears' is installed: did you mean `pairs`?"),
        ("broken", "the plug-in 'broken' cannot be imported: ModuleNotFoundError"),
        ("lost", "the plug-in 'lost' cannot be imported: AttributeError"),
        ("leaves", "the plug-in 'leaves' cannot be imported: SystemExit: 0"),
        ("wordy", "the plug-in 'wordy' cannot be imported: ImportError: no zlib build it"),
        ("no_function", "the plug-in 'no_function' is no function: falcon_feed:no_function"),
    ],
)
def test_one_that_cannot_be_used_is_a_mistake_of_the_profile(
    tmp_path: Path, name: str, why: str
) -> None:
    with pytest.raises(ProfileError) as refusal:
        reading(tmp_path, name)
    (mistake,) = refusal.value.mistakes
    assert mistake.field == "plug_in"
    assert mistake.place is not None
    assert mistake.message.startswith(why)


def test_two_of_a_name_are_a_mistake(tmp_path: Path) -> None:
    told = tmp_path / "others-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[card_fulfillment.vendors]\npairs = falcon_feed:packed\n"
    )
    with pytest.raises(ProfileError, match="is the name of several plug-ins"):
        reading(tmp_path, "pairs")


def test_it_stands_in_the_place_of_body(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="body and plug_in: only one of them"):
        reading(tmp_path, "pairs", "body: json")


def test_another_version_of_it_is_another_mapping(tmp_path: Path) -> None:
    version = reading(tmp_path, "pairs").version
    assert reading(tmp_path, "pairs").version == version
    install(tmp_path, SOURCE, ENTRIES, "1.1")
    assert reading(tmp_path, "pairs").version != version


def test_card_numbers_are_found_in_what_came_and_in_what_is_told(tmp_path: Path) -> None:
    pairs, unpacks = reading(tmp_path, "pairs"), reading(tmp_path, "packed")
    assert refused(pairs, f"card=c1;note={CARD_NUMBER}".encode()) == "note"
    assert refused(pairs, f"{CARD_NUMBER} is no pair".encode()) == ""
    assert refused(unpacks, packed({"card": "c1", "note": f"of {CARD_NUMBER}"})) == "note"
    assert refused(unpacks, packed({"card": "c1", "note": "of nobody"})) is None
    assert refused(pairs, b"card=c1", h=CARD_NUMBER.encode()) == "headers.h"


def test_what_is_told_and_cannot_be_searched_is_refused() -> None:
    """The profile's parser may well get through it."""

    def in_json(_value: bytes, _headers: Mapping[str, bytes]) -> bytes:
        return b"[" * 100_000 + b"]" * 100_000

    guard = PanGuard((), {"t": Spared(in_json=in_json)}, 65_536)
    found = guard.refused(Record("t", 0, 0, 0, None, b"packed"))
    assert found is not None
    assert found.reason is RefusalReason.CARD_DATA


def test_declared_references_may_look_like_card_numbers(tmp_path: Path) -> None:
    profile = reading(tmp_path, "pairs")
    looks = LOOKS_LIKE_ONE.encode()
    assert refused(profile, b"code=S;note=" + looks) == "note"
    assert refused(profile, b"code=S;card=" + looks) is None
    assert refused(profile, b"code=S;card=" + CARD_NUMBER.encode()) == "card"
    hidden = b"code=S;card=%s;card=c1;x=%s" % (CARD_NUMBER.encode(), looks)
    assert refused(profile, hidden) == "x"
    # Told nowhere, and no reference as a whole: it stays in what came.
    assert refused(profile, b"card=%s;card=c1" % CARD_NUMBER.encode()) == ""


def test_nothing_is_kept_where_a_part_of_it_is_private(tmp_path: Path) -> None:
    mask = mask_of(reading(tmp_path, "pairs", "private: [holder]"))
    assert mask is not None
    assert mask(b"card=c1;holder=A. Name", {}) is None


def test_of_what_it_cannot_tell_nothing_is_kept_and_of_the_rest_all(tmp_path: Path) -> None:
    mask = mask_of(reading(tmp_path, "pairs"))
    assert mask is not None
    assert mask(b"card=c1;holder=A. Name", {}) == b"card=c1;holder=A. Name"
    assert mask(b"no pair", {}) is None


def test_the_guard_searches_what_is_read_whatever_it_would_tell_the_next_time(
    tmp_path: Path,
) -> None:
    profile = reading(tmp_path, "fickle")
    assert refused(profile, b"a") is None
    (found,) = outcomes(profile, b"a")
    assert isinstance(found, Fact)
    assert found.references[0].value == "first"
    assert refused(profile, b"b") == "note"
    assert refused(profile, b"c", h=b"another") is None
    assert refused(profile, b"c") == "note"


def test_a_profile_without_one_reads_as_before(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, HEAD + FLAT)
    assert profile.spared.in_json is None
    assert fact(profile, {"card": "c1", "code": "S"}).status == "shipped"

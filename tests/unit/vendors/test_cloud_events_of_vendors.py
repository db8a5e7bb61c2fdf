"""A vendor's CloudEvent says the same in structured mode, in binary mode and as plain JSON."""

from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from vendor_samples import TABLE, outcomes, written

from card_fulfillment.domain.facts import Fact
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.messages.pan_guard import PanGuard, Spared
from card_fulfillment.vendors.masking import mask_of
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import Profile

STRUCTURED: Final = {"content-type": b"Application/CloudEvents+JSON; charset=utf-8"}
BINARY: Final = {"content-type": b"application/json", "ce_id": b"e1", "ce_type": b"news"}
SAID: Final = {"card": "c", "code": "S", "holder": "A. Name"}
CARD_NUMBER: Final = "4111111111111111"


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    rule = "references: {card: message.card}\n    event_id: header.ce_id"
    facts = f"- {{code: message.code, {TABLE}, text: header.ce_type}}"
    return written(tmp_path, facts, rule, head="private: [holder]")


def event(data: object = SAID, **more: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "e1", "type": "news", "data": data} | more


def test_both_modes_are_one_fact(profile: Profile) -> None:
    data = b'{"card":12345678901234567890123,"code":"S","holder":"A. Name"}'
    carried = orjson.dumps(event(orjson.Fragment(data)))
    (structured,) = outcomes(profile, carried, headers=STRUCTURED)
    (binary,) = outcomes(profile, data, headers=BINARY)
    assert isinstance(structured, Fact)
    assert structured == binary
    assert (structured.text, structured.references[0].value) == ("news", "12345678901234567890123")


@pytest.mark.parametrize("message", [SAID, {"specversion": "1.0", "id": "e1"}, [], "text"])
def test_an_event_without_data_is_refused(profile: Profile, message: object) -> None:
    (refused,) = outcomes(profile, orjson.dumps(message), headers=STRUCTURED)
    assert isinstance(refused, Unusable)
    assert refused.path == ""


def test_what_is_private_in_the_data_is_masked(profile: Profile) -> None:
    mask = mask_of(profile)
    assert mask is not None
    said = {"card": "c", "holder": "A. Name"}
    kept = mask(orjson.dumps(event(said)), STRUCTURED)
    assert orjson.loads(kept or b"") == event(said | {"holder": "(masked)"})
    assert mask(orjson.dumps(said), STRUCTURED) is None


def test_its_references_may_look_like_card_numbers_as_those_of_others_may(
    profile: Profile,
) -> None:
    guard = PanGuard((), {"t": Spared(profile.identifiers)}, 65_536)
    headers = tuple(STRUCTURED.items())

    def refused(data: object) -> str | None:
        found = guard.refused(Record("t", 0, 0, 0, None, orjson.dumps(event(data)), headers))
        assert found is None or found.reason is RefusalReason.CARD_DATA
        return None if found is None else found.field_path

    assert refused({"card": f"BX-{CARD_NUMBER}-7"}) is None
    assert refused({"card": CARD_NUMBER}) == "data.card"
    assert refused({"notes": f"BX-{CARD_NUMBER}-7"}) == "data.notes"

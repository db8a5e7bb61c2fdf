"""Lists that stand in one text, between texts such as commas and ends of lines."""

from pathlib import Path

import pytest
from vendor_samples import TABLE, facts, outcomes, written

from card_fulfillment.vendors.levels import compile_levels
from card_fulfillment.vendors.notation import Level
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.selectors import Scope

SPLIT = "each: {card: {split: message.cards, by: ','}}\n    references: {card: card}"


@pytest.mark.parametrize(
    ("names", "cards"),
    [
        ("c1, c2,,c3 ,", ["c1", "c2", "c3"]),
        (" c1 ", ["c1"]),
        (7, ["7"]),
        (",".join(f"c{number}" for number in range(1000)), [f"c{n}" for n in range(1000)]),
    ],
)
def test_a_text_is_parts_between_other_texts(
    tmp_path: Path, names: object, cards: list[str]
) -> None:
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}}}", SPLIT)

    found = facts(profile, {"code": "A", "cards": names})

    assert [reference.value for each in found for reference in each.references] == cards


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("c," * 1001, "more than 1000 elements"),
        ("c" * 70_000, "longer than 65536 characters, or with a NUL"),
        ({}, "neither text nor an integer"),
        (None, "nothing that a rule of the profile reads"),
        (" ", "nothing that a rule of the profile reads"),
    ],
)
def test_a_text_that_is_no_list_of_names_is_malformed(
    tmp_path: Path, names: object, reason: str
) -> None:
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}}}", SPLIT)

    (refused,) = outcomes(profile, {"code": "A", "cards": names})

    assert isinstance(refused, Unusable)
    assert refused.message == reason


@pytest.mark.parametrize("level", [{"split": "message.text", "by": ","}, {"json": "message.text"}])
def test_a_text_is_opened_once_for_all_elements_of_a_list_beside_it(level: dict[str, str]) -> None:
    (loop,) = compile_levels({"found": Level.model_validate(level)})
    one: Scope = [{"text": "[1,2]"}, {}]
    other: Scope = [{"text": "[3]"}, {}]

    first = loop.items(one)

    assert first
    assert loop.items(one) is first
    assert loop.items(other) != first
    assert loop.items(one) == first


def test_a_text_without_json_is_told_so_by_each_element(tmp_path: Path) -> None:
    level = "each: {x: message.list, y: {json: message.text}}\n    references: {card: y.card}"
    profile = written(tmp_path, f"- {{code: x, {TABLE}}}", level)

    for text, refused in (("{", 2), ('{"card": "c"}', 0), ("{", 2)):
        found = outcomes(profile, {"list": ["A", "S"], "text": text})
        assert sum(isinstance(each, Unusable) for each in found) == refused

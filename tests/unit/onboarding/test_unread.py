"""What no selector reads is told, however the others are written."""

import json
from pathlib import Path

import pytest
from command_samples import PROFILE

from card_fulfillment.onboarding.unread import unread
from card_fulfillment.vendors.profile import load_profile

MESSAGE = {
    "lines": [{"card": "c", "stage": "P", "done": "2026-03-02", "begun": "2026-03-02"}],
    "box no": "B",
    "ids": [{"no": 1}],
    "by": {"name": "n", "site": "s"},
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("message.'aramex'", ["box no", "ids[].no", "by.name", "by.site"]),
        ('message."box no"', ["ids[].no", "by.name", "by.site"]),
        ('message."box no" || by.name', ["ids[].no", "by.site"]),
        ("message.not_null(by.site, ids[0].no)", ["box no", "by.name"]),
        ("message.ids[?no=='1'].no | [0]", ["box no", "by.name", "by.site"]),
        ("message.[by, ids][] | [0].name", ["box no"]),
        ("message.by.[name, site] | [0]", ["box no", "ids[].no"]),
        ("message.values(@)[0]", []),
    ],
)
def test_what_nothing_reads_is_told_beside_expressions(
    tmp_path: Path, text: str, left: list[str]
) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(f"{PROFILE}        text: {json.dumps(text)}\n")

    assert unread(json.dumps(MESSAGE).encode(), {}, load_profile(file)) == left

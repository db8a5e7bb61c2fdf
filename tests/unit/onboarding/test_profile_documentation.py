"""The page about profiles is true: its YAML is run, and explain shows what it says."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from command_samples import vendors

from card_fulfillment.vendors.language import ProfileFile
from card_fulfillment.vendors.plug_ins import GROUP
from card_fulfillment.vendors.profile import load_profile
from plug_in_samples import importable, install
from profile_examples import check_examples

PAGE = (Path(__file__).parents[3] / "docs" / "vendor-profiles.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [dedent(body) for _, of, body in BLOCK.findall(PAGE) if of == kind]


def as_text(block: str) -> Any:  # noqa: ANN401 - YAML
    return yaml.load(block, yaml.BaseLoader)  # noqa: S506 - every scalar a text, nothing else


def whole(block: str) -> str:
    """Give a part of a profile the head that the page gives to all of them."""
    said = as_text(block)
    heads = [b for b in blocks("yaml") if not re.search(r"^rules:", b, re.MULTILINE)]
    (head,) = heads or [""]
    missing = [line for line in head.splitlines() if line.partition(":")[0] not in said]
    return "\n".join([*missing, block])


@pytest.fixture(autouse=True)
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the page's own plug-in as the page says."""
    (source,), (project,) = blocks("python"), map(tomllib.loads, blocks("toml"))
    ((group, entries),) = project["project"]["entry-points"].items()
    assert group == GROUP
    named = "".join(f"{name} = {value}\n" for name, value in entries.items())
    install(tmp_path, source, named, project["project"]["version"])
    importable(tmp_path, monkeypatch)


PROFILES = [block for block in blocks("yaml") if re.search(r"^rules:", block, re.MULTILINE)]


@pytest.mark.parametrize("block", PROFILES, ids=range(len(PROFILES)))
def test_what_the_page_shows_is_a_profile_that_holds(tmp_path: Path, block: str) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text(whole(block))
    profile = load_profile(file)

    assert check_examples(profile) == []
    assert profile.examples or profile.vendor == "kestrel"


def test_every_field_of_the_language_is_shown() -> None:
    shown = {field for block in PROFILES for field in _fields(as_text(whole(block)))}
    language = ProfileFile.model_json_schema()
    objects = [language, *language["$defs"].values()]

    assert {name for each in objects for name in each.get("properties", {})} - shown == set()


def _fields(value: Any) -> Iterator[str]:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _fields(each)
    elif isinstance(value, list):
        for each in value:
            yield from _fields(each)


def test_explain_shows_what_the_page_shows_of_it(tmp_path: Path) -> None:
    (payload, shown), profile = (blocks("json")[0], blocks("text")[0]), tmp_path / "kestrel.yaml"
    profile.write_text(PROFILES[0])
    assert json.loads(payload)

    told = vendors("explain", profile, "-", stdin=payload)

    lines = [" ".join(line.split()) for line in told.output.splitlines()]
    assert [" ".join(line.split()) for line in shown.splitlines()] == [
        line for line in lines if line in {" ".join(each.split()) for each in shown.splitlines()}
    ]


def test_what_the_page_shows_of_the_issuer_is_a_fact() -> None:
    told = vendors("explain", "issuer", "-", "--json", stdin=blocks("json")[1])

    (outcome,) = json.loads(told.output)["outcomes"]
    assert (outcome["fact"]["status"], outcome["fact"]["reason"]) == ("lost", "lost")


def test_the_example_that_explain_writes_is_the_one_that_the_page_keeps(tmp_path: Path) -> None:
    profile = tmp_path / "kestrel.yaml"
    profile.write_text(PROFILES[1])

    written = vendors(
        "explain",
        profile,
        "-",
        "--example",
        "--at",
        "2026-03-06T00:00Z",
        stdin=blocks("json")[0],
    )

    kept = as_text(PROFILES[1])["examples"][0]["expect"]
    wrote = as_text(written.output)["examples"][0]["expect"]
    assert [k["fact"].items() <= w["fact"].items() for k, w in zip(kept, wrote, strict=True)] == [
        True,
        True,
    ]

from collections.abc import Callable
from pathlib import Path

import pytest
from vendor_samples import FLAT, HEAD, fact, outcomes, profile_of

from card_fulfillment.vendors.mistakes import ProfileError
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import load_profile, load_profiles

NAMES = """
        names: [{vendor: speedy, role: carrier, kind: waybill, value: message.awb%s}]
"""
CARRIER = """
vendor: speedy
role: carrier
version: 1
live_tracking: true
reference_kinds: [%s]
""" + FLAT.replace("{card: message.card}", "{waybill: message.awb}")


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(ProfileError) as refused:
        profile_of(directory, text)
    return str(refused.value).replace(f"{directory}/", "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "role: bureau",
            "role: printer",
            "acme.yaml:3:1: role: 'printer' is none of issuer, bureau, ",
        ),
        ("live_tracking: false\n", "", "acme.yaml:2:1: live_tracking: is missing"),
        (
            "message.at",
            "{at: message.at, unit: ms}",
            "acme.yaml:13:32: rules[0].facts[0].time.unit: ",
        ),
        ("A: accepted", "A: arrived", "acme.yaml:12:17: rules[0].facts[0].codes.A: 'arr"),
        ("A: accepted", "A: accepted, A: shipped", "acme.yaml:12:30: 'A' is here twice"),
        ("message.code", "code", "begins with no level of this rule (message, header)"),
        ("message.code", "message.[", "no JMESPath expression"),
        ("message.code", "message.the code", 'is quoted: message."Tracking No")'),
        ("message.code", "message code", "is no selector"),
        ("message.code", "header", "header needs the name of a header"),
        ("message.code", 'header."X-Code"', "as they are, without quotes"),
        ("message.code", "[message.a, message.b]", "'A' is no pair of codes"),
        ("card: message.card", "carton: message.card", "'carton' is none of reference_kinds"),
        ("message.at", "{at: message.at, format: '%d/%m'}", "does not name a whole date"),
        ("message.at", "{at: message.at, format: '%Y-%m-%j'}", "does not name a whole date"),
        ("message.at", "{at: message.at, format: '%Q'}", "time.format: "),
        ("message.at", "{at: message.at, zone: Asia/Atlantis}", "is no time zone"),
        ("message.at", "{at: message.at, zone: UTC, assumed_zone: UTC}", "only one of them"),
        ("version: 3", "version: 3\nzone: UTC\nassumed_zone: UTC", "only one of them"),
        ("[card, batch]", "[card, card]", "names a kind twice"),
        ("time: message.at", "ignore: [A]", "code 'A' is both mapped and ignored"),
        ("- references", "- each: {message: message.x}\n    references", "is a level already"),
        ("role: bureau", "role: [bureau", "acme.yaml:4:8: no YAML"),
        ("role: bureau", "role: &r [*r]", "within itself"),
        ("role: bureau", "[a]: bureau", "a key is a plain text"),
        ("K: keep", "K: {<<: &k {status: keep}}", "acme.yaml:12:46: `<<` merges nothing here"),
        (
            "role: bureau",
            "role: bureau\nexpected_days: 3",
            "acme.yaml:4:1: expected_days: is no field here (vendor, ",
        ),
        ("version: 3", "version: 3\nprivate: ['a b']", "private[0]: 'a b' is not of the form"),
        ("message.code", f"message.{'[' * 400}a{']' * 400}", "more than 32 deep"),
        ("message.code", f"message.{'a || ' * 900}b", "more than 32 deep"),
        ("version: 3", f"version: {'v' * 33}", "version: String should have at most 32"),
        ("- references", f"- each: {{{'é' * 64}: message.x}}\n    references", "not of the form"),
        ("- references", f"- each: {{{'e' * 65}: message.x}}\n    references", "at most 64"),
        ("version: 3", "version: 3\nexamples: [{name: x, messages: '{}', expect: [{}]}]", "one of"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = HEAD + FLAT
    assert old in text

    assert told in refusal(tmp_path, text.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "[]", "just words", "\0"])
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).startswith("acme.yaml")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"vendor: \xe9")

    with pytest.raises(ProfileError, match="not readable"):
        load_profile(tmp_path / "latin.yaml")
    with pytest.raises(ProfileError, match="not readable"):
        load_profile(tmp_path / "absent.yaml")


def test_an_error_shows_nothing_that_the_file_holds_elsewhere(tmp_path: Path) -> None:
    assert "bureau" not in refusal(tmp_path, (HEAD + FLAT).replace("version: 3", "version: []"))


def test_the_version_changes_with_the_meaning_and_not_with_comments_or_examples(
    tmp_path: Path,
) -> None:
    text = HEAD + FLAT
    example = "examples: [{name: x, messages: '{}', expect: []}]\n"
    version = profile_of(tmp_path, text).version

    assert version.startswith("3-")
    assert profile_of(tmp_path, "# a comment\n" + text + example).version == version
    assert profile_of(tmp_path, text.replace("accepted", "produced")).version != version


def test_when_a_vendor_works_and_how_long_it_takes_changes_no_version(tmp_path: Path) -> None:
    """Nor does a method of which nothing else is said."""
    text = HEAD + "methods: {van: {tracked: true}}\n" + FLAT
    version = profile_of(tmp_path, text).version
    days = "{tracked: true, working_days: {transit: 3}}, mail: {working_days: {transit: 9}}"
    works = "weekend: friday\nholidays: 2026-12-02\n"

    assert profile_of(tmp_path, works + text.replace("{tracked: true}", days)).version == version
    assert profile_of(tmp_path, text.replace("true}", "false}")).version != version


def test_a_weekend_is_saturday_and_sunday_unless_a_profile_says_otherwise(tmp_path: Path) -> None:
    def weekend(said: str) -> list[str]:
        return list(profile_of(tmp_path, HEAD + said + FLAT).source.weekend)

    assert weekend("") == ["saturday", "sunday"]
    assert weekend("weekend: [friday, saturday]") == ["friday", "saturday"]
    assert weekend("weekend: []") == []


def test_codes_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    codes = FLAT.replace("A: accepted", "002: accepted, no: produced, 1e3: shipped, null: lost")
    rule = profile_of(tmp_path, HEAD + codes).rules[0].statements[0]

    assert [rule.find(code, None) is not None for code in ("002", "no", "1e3", "null", "2")] == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_a_vendor_without_live_tracking_is_untracked_unless_a_method_says_more(
    tmp_path: Path,
) -> None:
    methods = "methods: {van: {tracked: true}, mail: {carrier: post}}\n"
    profile = profile_of(tmp_path, HEAD + methods + FLAT)

    assert profile.tracked("van", None) is True
    assert profile.tracked("mail", None) is False
    assert profile.tracked(None, None) is False
    assert profile.methods["mail"].carrier == "post"


def test_private_fields_are_paths_into_the_payload(tmp_path: Path) -> None:
    private = "private: ['cards[].holder.name', note]\n"

    assert profile_of(tmp_path, HEAD + private + FLAT).private == {
        ("cards", "[]", "holder", "name"),
        ("note",),
    }


@pytest.mark.parametrize(("path", "key"), [("no", "no"), ('"Tracking No"', "Tracking No")])
def test_a_key_that_is_quoted_is_a_key_like_others(tmp_path: Path, path: str, key: str) -> None:
    text = FLAT.replace("card: message.card", f"card: message.parcel.{path}")
    profile = profile_of(tmp_path, HEAD + text)

    assert fact(profile, {"parcel": {key: "P1"}, "code": "S"}).references[0].value == "P1"
    assert ("parcel", key) in profile.identifiers
    (refused,) = outcomes(profile, {"parcel": "P1", "code": "S"})
    assert isinstance(refused, Unusable)
    assert refused.message == "a parent of the value is no object"


def test_ones_own_id_is_of_the_lowest_level(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, HEAD + FLAT.replace("card: message.card", "id: message.card"))

    assert (profile.level("id"), profile.level("batch")) == (0, 1)
    with pytest.raises(ValueError, match="none of reference_kinds"):
        profile.level("awb")


def directory_of(directory: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (directory / f"{name}.yaml").write_text(text)
    return directory


def test_ones_own_profiles_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    profiles = load_profiles(directory_of(tmp_path, acme=HEAD + FLAT))

    assert {"acme", "meridian"} <= profiles.keys()
    assert load_profiles(tmp_path, enabled=["acme"]).keys() == {"acme"}


def test_ones_own_profile_replaces_the_built_in_one_of_the_vendor(tmp_path: Path) -> None:
    directory_of(tmp_path, mine=(HEAD + FLAT).replace("vendor: acme", "vendor: meridian"))

    assert load_profiles(tmp_path)["meridian"].version.startswith("3-")


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (lambda path: load_profiles(path, enabled=["acme", "nobody"]), "no profile of nobody"),
        (lambda path: load_profiles(path / "absent"), "no directory"),
    ],
)
def test_profiles_that_are_asked_for_and_are_not_there_are_told(
    tmp_path: Path, load: Callable[[Path], object], told: str
) -> None:
    directory_of(tmp_path, acme=HEAD + FLAT)

    with pytest.raises(ProfileError, match=told):
        load(tmp_path)


def test_two_files_of_one_vendor_are_refused(tmp_path: Path) -> None:
    directory_of(tmp_path, one=HEAD + FLAT, two=HEAD + FLAT)

    with pytest.raises(ProfileError, match=r"two\.yaml: vendor: a second profile of 'acme'"):
        load_profiles(tmp_path)


def test_two_profiles_must_agree_on_a_reference_that_one_registers_for_the_other(
    tmp_path: Path,
) -> None:
    directory_of(tmp_path, acme=HEAD + FLAT + NAMES % "", speedy=CARRIER % "waybill")
    assert "speedy" in load_profiles(tmp_path)

    directory_of(tmp_path, speedy=CARRIER % "parcel, waybill")
    place = r"acme\.yaml:15:17: rules\[0\]\.facts\[0\]\.names\[0\]"
    told = place + r": names speedy/waybill with a role or place .*: role carrier, place 1$"
    with pytest.raises(ProfileError, match=told):
        load_profiles(tmp_path)

    directory_of(tmp_path, speedy=CARRIER.replace("waybill", "waybil") % "waybil")
    told = r"its kinds are waybil: did you mean `waybil`\?$"
    with pytest.raises(ProfileError, match=told):
        load_profiles(tmp_path)

    directory_of(tmp_path, speedy=CARRIER % "parcel, waybill")
    directory_of(tmp_path, acme=HEAD + FLAT + NAMES % ", place: 1")
    assert "speedy" in load_profiles(tmp_path)


def test_a_statement_registers_nothing_below_its_own_references(tmp_path: Path) -> None:
    low = (NAMES % "").replace("role: carrier", "role: bureau")
    own = (NAMES % "").replace(
        "vendor: speedy, role: carrier, kind: waybill",
        "vendor: acme, role: aggregator, kind: batch",
    )

    assert "is not above the references of the rule" in refusal(tmp_path, HEAD + FLAT + low)
    assert "another role or place than this profile's" in refusal(tmp_path, HEAD + FLAT + own)

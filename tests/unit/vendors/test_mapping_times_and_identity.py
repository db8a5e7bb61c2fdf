from pathlib import Path

import pytest
from vendor_samples import (
    CAUSE,
    FLAT,
    HEAD,
    NESTED,
    RECEIVED,
    RICH,
    TABLE,
    fact,
    outcomes,
    profile_of,
    written,
)

from builders import altered
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import DAY, HOUR, SECOND, Fact
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.times import LATEST_RECORD
from card_fulfillment.vendors.outcomes import Refusal, Unusable
from card_fulfillment.vendors.profile import Profile

NINE, TEN = "2026-03-09T09:00:00", "2026-03-09T10:00:00"


@pytest.fixture
def flat(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + FLAT)


@pytest.fixture
def nested(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + NESTED)


@pytest.fixture
def rich(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + RICH)


def test_a_day_is_the_instant_of_local_midnight(nested: Profile) -> None:
    card = {"id": 1, "stage": "ok", "day": "10/03/2026"}

    dated = fact(nested, {"orders": [{"number": "1", "stage": "P", "cards": [card]}]})

    assert dated.stated == RECEIVED - 4 * HOUR


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)]
)
def test_a_day_ends_where_the_next_one_begins_also_where_clocks_are_changed(
    tmp_path: Path, day: str, hours: int
) -> None:
    codes = FLAT.replace("accepted", "returned")
    profile = profile_of(tmp_path, HEAD + "zone: Europe/London\n" + codes)
    message = {"card": "c", "code": "A", "at": day}

    returned = fact(profile, message, received_at=RECEIVED + 300 * DAY)

    assert (returned.until, returned.effective) == (returned.stated + hours * HOUR - 1,) * 2


def test_a_time_in_an_assumed_zone_says_so(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, HEAD + "assumed_zone: Asia/Riyadh\n" + FLAT)

    local = fact(profile, {"card": "c", "code": "A", "at": "2026-03-09 10:00"})
    exact = fact(profile, {"card": "c", "code": "A", "at": "2026-03-09T07:00:00Z"})

    assert local.stated == exact.stated
    assert (local.precision, exact.precision) == (Precision.ZONE_ASSUMED, Precision.SECOND)


@pytest.mark.parametrize(
    "at",
    ["2026-03-09T10:00:00", "2026-03-09", "yesterday", "2026-W10-1T10:00Z", "1999-12-31T23:59:59Z",
     "20260309T100000Z", "2026-03-09x10:00:00Z", "0001-01-01T00:00:00+14:00", 1773100800, True],
)  # fmt: skip
def test_a_time_that_is_not_understood_is_malformed_and_never_replaced(
    flat: Profile, at: object
) -> None:
    (refused,) = outcomes(flat, {"card": "c", "code": "A", "at": at})

    assert isinstance(refused, Unusable)
    assert (refused.path, refused.reason) == ("at", Refusal.MALFORMED)


def test_a_time_in_the_future_is_refused_beyond_a_days_grace(flat: Profile) -> None:
    message = {"card": "c", "code": "A", "at": "2026-03-11T00:00:00Z"}

    assert fact(flat, message).stated == RECEIVED + DAY
    (refused,) = outcomes(flat, message, RECEIVED - 1)
    assert isinstance(refused, Unusable)
    assert refused.reason is Refusal.FUTURE_TIME


@pytest.mark.parametrize("received_at", [-(2**62), -1, LATEST_RECORD, 2**62])
def test_a_record_of_no_plausible_time_is_refused(flat: Profile, received_at: int) -> None:
    """Else who waits for the fact could not be told of it, and would be refused in its place."""
    (refused,) = outcomes(flat, {"card": "c1", "code": "S"}, received_at)
    assert isinstance(refused, Unusable)
    assert (refused.path, refused.reason) == ("", Refusal.MALFORMED)
    assert refused.message == "the record's timestamp is before 1970 or after 2100"


def test_a_time_in_the_future_is_refused_where_it_stands(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path, HEAD + FLAT.replace("time: message.at", "time: [message.on, message.at]")
    )

    (refused,) = outcomes(profile, {"card": "c", "code": "A", "at": "2026-03-12T00:00:00Z"})

    assert isinstance(refused, Unusable)
    assert (refused.path, refused.reason) == ("at", Refusal.FUTURE_TIME)


def test_without_a_time_the_records_timestamp_stands_in_and_makes_another_fact(
    flat: Profile,
) -> None:
    message = {"card": "c", "code": "A", "at": ""}
    first, later = fact(flat, message), fact(flat, message, RECEIVED + SECOND)

    assert (first.precision, first.stated) == (Precision.UNKNOWN, RECEIVED)
    assert first.fact_id != later.fact_id


def test_a_trusted_event_id_makes_copies_one_fact_and_other_content_a_conflict(
    rich: Profile,
) -> None:
    def stated(event_id: bytes, received_at: int = RECEIVED, **more: str) -> tuple[bytes, bytes]:
        message = {"card": "c", "code": "X"} | more
        (found,) = outcomes(rich, message, received_at, {"event-id": event_id})
        assert isinstance(found, Fact)
        return found.fact_id, found.content

    assert stated(b"e1") == stated(b"e1", RECEIVED + SECOND)
    assert stated(b"e1")[0] != stated(b"e2")[0]
    assert stated(b"e1")[0] == stated(b"e1", card="d")[0]
    assert stated(b"e1")[1] != stated(b"e1", card="d")[1]
    assert stated(b"e1")[0] == stated(b"e1", why="14")[0]
    assert stated(b"e1")[1] != stated(b"e1", why="14")[1]
    assert stated(b"e1", at=NINE)[0] != stated(b"e1", at=TEN)[0]
    assert stated(b"e1", at=NINE)[0] != stated(b"e1", at=NINE, code="R")[0]


@pytest.mark.parametrize("trusted", ["", "event_id: message.id"])
def test_what_two_vendors_say_in_the_same_words_are_two_facts(tmp_path: Path, trusted: str) -> None:
    text = HEAD + FLAT.replace("    facts:", f"    {trusted}\n    facts:")
    other = text.replace("vendor: acme", "vendor: other")
    message = {"card": "c", "code": "A", "at": "2026-03-09T10:00:00Z", "id": "e1"}
    assert text != other
    assert len({fact(profile_of(tmp_path, t), message).fact_id for t in (text, other)}) == 2


def test_what_is_said_of_other_serials_cartons_or_numbers_of_cards_is_another_fact(
    tmp_path: Path,
) -> None:
    rule = (
        "references: {card: message.card}\n    serials: {from: message.from, to: message.to}"
        "\n    carton: message.carton\n    quantity: message.cards"
    )
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}}}", rule)
    said = {"card": "c", "code": "S", "from": "1", "to": "9", "carton": "1/3", "cards": "9"}
    others = ({"from": "2"}, {"to": "8"}, {"carton": "2/3"}, {"carton": "1/2"}, {"cards": "8"})
    found = [fact(profile, said | other).fact_id for other in ({}, *others)]
    assert len(set(found)) == len(found)


def test_without_one_another_reason_is_another_fact(rich: Profile) -> None:
    known = {"card": "c", "code": "X", "at": NINE}
    reasons: list[dict[str, str]] = [{}, {"why": "14"}, {"why": "15"}, {"why": "16"}]
    assert len({fact(rich, known | why).fact_id for why in reasons}) == len(reasons)


def test_the_cause_tells_the_event_id_that_the_vendor_gave(rich: Profile) -> None:
    def told(headers: dict[str, bytes]) -> str | None:
        (found,) = outcomes(rich, {"card": "c", "code": "X"}, headers=headers)
        assert isinstance(found, Fact)
        assert altered(found.cause, event_id=None) == CAUSE
        return found.cause.event_id

    assert told({"event-id": b"e1"}) == "e1"
    assert told({}) is None


def test_a_new_mapping_of_a_code_makes_neither_a_new_fact_nor_a_conflict(tmp_path: Path) -> None:
    message = {"card": "c", "code": "A", "at": "2026-03-09T10:00:00Z"}
    old = fact(profile_of(tmp_path, HEAD + FLAT), message)
    new = fact(profile_of(tmp_path, HEAD + FLAT.replace("accepted", "produced")), message)

    assert (old.status, new.status) == (Status.ACCEPTED, Status.PRODUCED)
    assert (old.fact_id, old.content) == (new.fact_id, new.content)


@pytest.mark.parametrize("trusted", ["", "event_id: message.id"])
def test_a_time_that_becomes_a_fallback_makes_neither_a_new_fact_nor_a_conflict(
    tmp_path: Path, trusted: str
) -> None:
    text = HEAD + FLAT.replace("    facts:", f"    {trusted}\n    facts:")
    message = {"card": "c", "code": "A", "at": "2026-03-09T10:00:00Z", "id": "e1"}
    old = fact(profile_of(tmp_path, text), message)
    fields = "time: [message.on, message.at]"
    new = fact(profile_of(tmp_path, text.replace("time: message.at", fields)), message)

    assert (old.time_fallback, new.time_fallback) == (None, "message.at")
    assert (old.fact_id, old.content) == (new.fact_id, new.content)


def test_parts_of_an_identity_do_not_run_into_each_other(rich: Profile) -> None:
    def identity(**fields: str) -> bytes:
        return fact(rich, {"code": "X"} | fields).fact_id

    alike = [
        identity(card="c", carrier="d"),
        identity(card="c", method="d"),
        identity(card="c", awb="d"),
        identity(card="c", why="d"),
        identity(card="cd"),
        identity(card="d", carrier="c"),
    ]
    assert len(set(alike)) == len(alike)

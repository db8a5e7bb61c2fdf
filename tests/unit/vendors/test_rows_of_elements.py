"""What a profile must be able to say of elements, by the rows of the contract: R01-R06, R22-R30."""

from pathlib import Path

import pytest
from vendor_samples import (
    CAUSE,
    HEAD,
    TABLE,
    fact,
    facts,
    outcomes,
    profile_of,
    statuses,
    written,
)

from card_fulfillment.domain.facts import Attribute, ParcelRole
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import Profile

AT = "2026-03-09T10:00:00Z"


def test_r01_a_missing_parent_is_absent_and_no_error(tmp_path: Path) -> None:
    profile = written(
        tmp_path, "- {code: message.event.code, codes: {A: accepted}, text: message.event.a.b}"
    )

    assert fact(profile, {"card": "c", "event": {"code": "A"}}).text is None


def test_r02_one_message_gives_many_facts_each_failing_or_ignored_alone(tmp_path: Path) -> None:
    rule = "each: {x: message.list}\n    references: {card: x.card}"
    profile = written(tmp_path, "- {code: x.code, codes: {A: accepted}, ignore: T}", rule)
    items = [{"card": "c", "code": code} for code in ("A", "T", "?", "A")]

    found = [type(each).__name__ for each in outcomes(profile, {"list": items})]

    assert found == ["Fact", "Ignored", "Unusable", "Fact"]


def test_r03_arrays_in_arrays_in_arrays_with_values_of_their_parents(tmp_path: Path) -> None:
    rule = "each: {a: message.as, b: a.bs, c: b.cs}\n    references: {batch: a.n, card: c.n}"
    profile = written(
        tmp_path, "- {code: [b.stage, c.code], codes: {P/*: produced}, text: a.site}", rule
    )

    def batch(n: str, *cards: str) -> dict[str, object]:
        return {
            "n": n,
            "site": f"site {n}",
            "bs": [{"stage": "P", "cs": [{"n": card} for card in cards]}],
        }

    found = facts(profile, {"as": [batch("1", "x", "y"), batch("2", "z")]})

    said = [(*(r.value for r in each.references), each.text) for each in found]
    assert said == [("1", "x", "site 1"), ("1", "y", "site 1"), ("2", "z", "site 2")]


def test_r04_several_rules_over_one_payload_give_the_union_of_their_facts(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        f"""{HEAD}
rules:
  - references: {{batch: message.order.id}}
    facts: [{{code: message.order.state, codes: {{MADE: produced}}}}]
  - each: {{scan: message.parcel.scans}}
    references: {{batch: message.order.id}}
    facts: [{{code: scan.code, codes: {{OFD: out_for_delivery, OK: delivered}}}}]
""",
    )
    parcel = {"scans": [{"code": "OFD"}, {"code": "OK"}]}
    message = {"order": {"id": "o", "state": "MADE"}, "parcel": parcel}

    assert statuses(profile, message) == ["produced", "out_for_delivery", "delivered"]


def test_r05_of_several_components_one_is_taken_and_the_other_ignored(tmp_path: Path) -> None:
    rule = """each: {part: message.parts}
    when: {one_of: {part.type: CARD}}
    references: {card: message.card}"""
    profile = written(tmp_path, "- {code: part.code, codes: {S: shipped}}", rule)
    parts = [{"type": "PIN", "code": "S"}, {"type": "CARD", "code": "S"}]

    pin, card = outcomes(profile, {"card": "c", "parts": parts})

    assert isinstance(pin, Ignored)
    assert pin.path == "parts[0]"
    assert getattr(card, "status", None) == Status.SHIPPED


def test_r05_or_the_other_is_told_as_a_parcel_of_its_own_role(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        """- {when: {one_of: {message.type: CARD}}, code: message.code, codes: {S: shipped}}
- when: {one_of: {message.type: PIN}}
  code: message.code
  codes: {S: keep}
  parcel: pin
  attributes: {tracking_number: message.awb}""",
    )

    found = fact(profile, {"card": "c", "type": "PIN", "code": "S", "awb": "1"})

    assert (found.status, found.parcel_role) == (None, ParcelRole.PIN)


def test_r06_a_message_with_a_tracking_number_only_is_about_that_parcel(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        """
vendor: van
role: carrier
version: 1
live_tracking: true
reference_kinds: [order, waybill]
rules:
  - references: {order: message.order, waybill: message.awb}
    facts: [{code: message.code, codes: {D: delivered}}]
""",
    )
    whole = fact(profile, {"order": "o", "awb": 1, "code": "D"})
    bare = fact(profile, {"awb": 1, "code": "D"})

    assert whole.references == (Reference("van", "order", "o"), Reference("van", "waybill", "1"))
    assert bare.references == bare.parcels == (Reference("van", "waybill", "1"),)
    assert bare.level == whole.level


def test_r22_a_status_by_the_presence_of_a_field(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        """- {when: {present: message.shipped}, status: shipped, time: message.shipped}
- {when: {present: message.delivered}, status: delivered, time: message.delivered}
- {when: {absent: [message.shipped, message.delivered]}, status: accepted}""",
    )

    shipped, delivered = facts(profile, {"card": "c", "shipped": AT, "delivered": AT})

    assert [shipped.status, delivered.status] == [Status.SHIPPED, Status.DELIVERED]
    assert shipped.fact_id != delivered.fact_id
    assert statuses(profile, {"card": "c", "shipped": ""}) == [Status.ACCEPTED]


def test_r23_a_value_from_a_typed_list_and_an_object_for_a_list_of_one(tmp_path: Path) -> None:
    rule = """each: {scan: message.scans}
    references: {card: "message.ids[?type=='card'].value | [0]"}"""
    profile = written(tmp_path, "- {code: scan.code, codes: {A: accepted}}", rule)
    ids = [{"type": "job", "value": 1}, {"type": "card", "value": 2}]

    listed = fact(profile, {"ids": ids, "scans": [{"code": "A"}]})
    single = fact(profile, {"ids": ids, "scans": {"code": "A"}})

    assert listed.references == (Reference("acme", "card", "2"),)
    assert listed.fact_id == single.fact_id


def test_r24_values_are_taken_out_of_a_text_by_the_groups_of_a_pattern(tmp_path: Path) -> None:
    rule = """each:
      found: {match: message.text, pattern: '(?P<carrier>\\w+) AWB (?P<awb>\\d+)'}
    references: {card: message.card}"""
    facts_of = """- code: message.code
  codes: {S: shipped}
  attributes: {carrier: found.carrier, tracking_number: found.awb}"""
    profile = written(tmp_path, facts_of, rule)

    found = fact(profile, {"card": "c", "code": "S", "text": "sent by aramex AWB 4472, thanks"})
    bare = fact(profile, {"card": "c", "code": "S", "text": "sent"})

    assert found.attributes == {Attribute.CARRIER: "aramex", Attribute.TRACKING_NUMBER: "4472"}
    assert bare.attributes == {}


def test_r25_json_in_a_text_is_read_like_any(tmp_path: Path) -> None:
    rule = """each: {inner: {json: message.payload}, scan: inner.scans}
    references: {card: inner.card}"""
    profile = written(tmp_path, "- {code: scan.code, codes: {A: accepted}}", rule)
    inner = '{"card":12345678901234567890123,"scans":[{"code":"A"},{"code":"B"}]}'

    one, other = outcomes(profile, {"payload": inner})
    (broken,) = outcomes(profile, {"payload": '{"card":"\\ud800"'})

    assert getattr(one, "references", None) == (
        Reference("acme", "card", "12345678901234567890123"),
    )
    assert getattr(other, "path", "") == "payload.scans[1].code"
    assert isinstance(broken, Unusable)


def test_r26_an_object_by_number_and_pairs_of_keys_and_values(tmp_path: Path) -> None:
    rule = "each: {entry: {entries: message.parcels}}\n    references: {card: entry.key}"
    profile = written(
        tmp_path, "- {code: \"entry.value[?Key=='code'].Value | [0]\", codes: {A: accepted}}", rule
    )
    pairs = [{"Key": "site", "Value": "X"}, {"Key": "code", "Value": "A"}]

    found = fact(profile, {"parcels": {"00447": pairs}})

    assert found.references == (Reference("acme", "card", "00447"),)


def test_r27_a_list_may_be_the_whole_message(tmp_path: Path) -> None:
    rule = "each: {x: message}\n    references: {card: x.card}"
    profile = written(tmp_path, f"- {{code: x.code, {TABLE}}}", rule)

    assert statuses(profile, [{"card": "c", "code": "A"}, {"card": "c", "code": "S"}]) == [
        "accepted",
        "shipped",
    ]


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        ("", {"content-type": b"application/x-www-form-urlencoded; charset=utf-8"}),
        ("body: form", {}),
    ],
)
def test_r28_a_form_by_its_content_type(
    tmp_path: Path, head: str, headers: dict[str, bytes]
) -> None:
    profile = written(
        tmp_path, f"- {{code: message.code, {TABLE}, text: 'message.notes[1]'}}", head=head
    )
    form = b"card=0042&code=A&notes=one&notes=zwei+%C3%BC&empty="

    (found,) = outcomes(profile, form, headers=headers)

    assert (getattr(found, "status", None), getattr(found, "text", None)) == ("accepted", "zwei ü")
    (broken,) = outcomes(profile, b"card=%FF&code=A", headers=headers)
    assert isinstance(broken, Unusable)


def test_r29_a_snapshot_may_be_in_either_order_and_come_again(tmp_path: Path) -> None:
    def newest_first(word: str) -> Profile:
        rule = f"""each: {{scan: {{list: message.scans, newest_first: {word}}}}}
    references: {{card: message.card}}"""
        profile: Profile = written(tmp_path, f"- {{code: scan.code, {TABLE}, time: scan.at}}", rule)
        return profile

    scans = [{"code": "A", "at": "2026-03-01T00:00Z"}, {"code": "S", "at": "2026-03-02T00:00Z"}]
    oldest = facts(newest_first("false"), {"card": "c", "scans": [*scans, scans[0]]})
    newest = facts(newest_first("true"), {"card": "c", "scans": scans[::-1]})

    assert [each.status for each in newest] == ["accepted", "shipped"]
    assert {each.fact_id for each in oldest} == {each.fact_id for each in newest}


def test_r30_after_a_code_of_the_return_leg_another_means_something_else(tmp_path: Path) -> None:
    rule = """each: {p: message.parcels, scan: {list: p.scans, newest_first: true}}
    references: {card: p.card}"""
    profile = written(
        tmp_path,
        """- code: scan.code
  codes: {"005": delivered, "009": in_transit, "070": returning}
  after: [{seen: "07*", codes: {"005": returned, "009": returning}}]""",
        rule,
    )
    back = [{"code": code} for code in ("005", "009", "070", "005")]
    there = [{"code": "005"}, {"code": "009"}]
    parcels = [{"card": "c", "scans": back}, {"card": "d", "scans": there}]

    assert statuses(profile, {"parcels": parcels}) == [
        *("delivered", "returning", "returning", "returned"),
        *("in_transit", "delivered"),
    ]


def test_r30_or_a_flag_of_the_payload_says_that_it_is_the_return_leg(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        f"""- {{when: {{none_of: {{message.back: 'true'}}}}, code: message.code, {TABLE}}}
- {{when: {{one_of: {{message.back: 'true'}}}}, code: message.code, codes: {{D: returned}}}}""",
    )

    assert statuses(profile, {"card": "c", "code": "D", "back": True}) == ["returned"]
    assert statuses(profile, {"card": "c", "code": "D"}) == ["delivered"]


def test_the_record_of_a_fact_is_kept_as_its_cause(tmp_path: Path) -> None:
    found = fact(
        written(tmp_path, f"- {{code: message.code, {TABLE}}}"), {"card": "c", "code": "A"}
    )

    assert found.cause == CAUSE

"""Bulk issuances counted anew: all that is wrong is found, and nothing where nothing is."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from builders import announcement, box_no, fact, order, order_no, sent, sized
from card_fulfillment.domain.facts import Attribute, ParcelRole
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.postgres.bulk_check import Checked, all_bulks, check_bulk
from deliveries import deliveries
from stories_bulk import bulk_statements
from support_desk import Desk, call, opened_desk

ORDER = order_no("key")


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Desk]:
    async with opened_desk(dsn) as opened:
        yield opened


async def on_their_way(desk: Desk) -> None:
    """Six cards of six, two of them with one serial; a rejected one; one box on its way."""
    serials = (1, 2, 3, 4, 5, 5)
    cards = (announcement(f"c{n}", bulk="b1", serial=s) for n, s in enumerate(serials, 1))
    await desk.hear(
        *(sent(sized(card, 6)) for card in cards),
        sent(order(bulk_issuance("b1"), 1, ORDER, attributes={Attribute.METHOD: "van"})),
        sent(fact(Status.PRODUCED, 5, ORDER, serials=(1, 6), quantity=7)),
    )
    await desk.spread()
    await desk.hear(
        sent(fact(Status.REJECTED, 6, ORDER, serials=(2, 2))),
        sent(fact(Status.SHIPPED, 9, ORDER, serials=(1, 3), names=[box_no("X")], carton=(1, 2))),
        sent(fact(Status.IN_TRANSIT, 11, box_no("X"))),
    )
    await desk.spread()


async def checked(desk: Desk, bulk_id: str = "b1") -> Checked:
    found = await check_bulk(desk.connection, bulk_id)
    assert found is not None
    return found


async def test_nothing_is_found_where_nothing_is_wrong(desk: Desk) -> None:
    await on_their_way(desk)
    letters = fact(None, 10, ORDER, names=[box_no("P")], parcel_role=ParcelRole.PIN)
    await desk.hear(sent(letters), sent(fact(Status.DELIVERED, 12, box_no("P"))))
    await desk.spread()
    found = await checked(desk)
    assert (found.members, found.waits, found.wrong) == (6, False, [])


async def test_what_is_still_to_be_spread_or_published_is_no_difference(desk: Desk) -> None:
    await on_their_way(desk)
    await desk.hear(sent(fact(Status.DELIVERED, 20, ORDER)))
    found = await checked(desk)
    assert (found.waits, found.wrong) == (True, [])


async def test_nobody_ever_spoke_of_it(desk: Desk) -> None:
    assert await check_bulk(desk.connection, "b1") is None


async def test_every_bulk_is_found_even_one_without_a_row(desk: Desk) -> None:
    await desk.hear(
        sent(announcement("c1", bulk="b1")),
        sent(announcement("c2", bulk="b2")),
        sent(order(bulk_issuance("b3"), 1)),
    )
    await desk.connection.execute("DELETE FROM bulk_issuance WHERE bulk_issuance_id <> 'b1'")
    assert [each async for each in all_bulks(desk.connection)] == ["b1", "b2", "b3"]
    assert "it has cards or facts, and no row of its own" in (await checked(desk, "b2")).wrong


def edit(table: str, path: str, value: str) -> str:
    """Change a part of what is kept as JSON."""
    return f"UPDATE {table} SET journey = jsonb_set(journey::jsonb, '{path}', '{value}')::json"  # noqa: S608 - ours


DAMAGE = {
    "a count": (
        "UPDATE bulk_issuance SET counts = replace(counts::text, 'in_transit', 'lost')::json",
        "members in_transit in attempt 1: 0 is stored, 2 by its cards",
    ),
    "a member": (
        "UPDATE card SET journey = replace(journey::text, 'produced', 'lost')::json",
        "members lost in attempt 1: 0 is stored, 3 by its cards",
    ),
    "a member that went": (
        "UPDATE card SET bulk_issuance_id = NULL WHERE card_id = 'c4'",
        "members produced in attempt 1: 3 is stored, 2 by its cards",
    ),
    "a member's columns": (
        "UPDATE card SET status = 'lost' WHERE card_id = 'c4'",
        "1 of 6 members, such as c4: its columns are not what its journey says",
    ),
    "a member nobody told of": (
        "UPDATE card SET journey = NULL, status = NULL WHERE card_id = 'c4'",
        "1 of 6 members, such as c4: nothing is published of it",
    ),
    "a member passed over": (
        "UPDATE card SET folded_number = 2 WHERE card_id = 'c1'",
        "1 of 6 members, such as c1: it lacks what is said to be spread to all",
    ),
    "a member ahead": (
        "UPDATE card SET folded_number = 99 WHERE card_id = 'c1'",
        "1 of 6 members, such as c1: it has folded more than was ever said of its bulk",
    ),
    "a member before a reset": (
        "UPDATE bulk_issuance SET reset_number = 4",
        "3 of 6 members, such as c4, c5, c6: it lacks what is said to be spread to all",
    ),
    "the greatest serial": (
        edit("bulk_issuance", "{greatest_serial}", "4"),
        "greatest serial: 4 is stored, 5 by its cards",
    ),
    "serials taken twice": (
        edit("bulk_issuance", "{taken_twice}", "[]"),
        "serials taken twice: nothing is stored, [[5, 5]] by its cards",
    ),
    "the product": (
        edit("bulk_issuance", "{common,0}", '"tin"'),
        "product that all have: tin is stored, gold by its cards",
    ),
    "the labels": (
        edit("bulk_issuance", "{common,1}", '{"a": "b"}'),
        "labels that all have: a b is stored, nothing by its cards",
    ),
    "the attempt": (
        edit("bulk_issuance", "{attempt}", "2"),
        "attempt of all of it: 2 is stored, 1 by its facts",
    ),
    "what stands of all of it": (
        edit("bulk_issuance", "{claim}", "null"),
        "claim of all of it: nothing is stored, ordered (fact ",
    ),
    "an attribute": (
        edit("bulk_issuance", "{registers,method,3}", '"mail"'),
        "registers of all of it: method mail is stored, method van by its facts",
    ),
    "what vendors report": (
        edit("bulk_issuance", "{reports,cartons}", "[]"),
        "cartons that vendors report: nothing is stored, [[1, 1, 2]] by its facts",
    ),
    "a parcel": (
        "DELETE FROM parcel",
        "parcel X of alpha: it is not stored",
    ),
    "a parcel of nobody": (
        "INSERT INTO parcel SELECT bulk_issuance_id, 'alpha/box_no/Y', lines, journey FROM parcel",
        "parcel Y of alpha: none of its facts speaks of it",
    ),
    "the state of a parcel": (
        edit("parcel", "{claim}", "null"),
        "parcel X of alpha: its claim: nothing is stored, in_transit (fact ",
    ),
    "the serials of a parcel": (
        "UPDATE parcel SET lines = '[[1, 2, 4]]'",
        "parcel X of alpha: its lines: [[[1, 2], 4]] is stored, [[[1, 3], 4]] by its facts",
    ),
    "a fact that is gone": (
        "DELETE FROM fact WHERE status = 'in_transit'",
        "parcel X of alpha: its claim: in_transit (fact ",
    ),
    "the number of a fact": (
        "UPDATE fact SET number = 77 WHERE status = 'in_transit'",
        "the number of a fact is 77, the last one given is 5",
    ),
    "the number spread": (
        "UPDATE bulk_issuance SET spread_number = 77",
        "the number up to which all is spread is 77, the last one given is 5",
    ),
    "a column": (
        "UPDATE bulk_issuance SET announced = 5",
        "column announced: 5 is stored, 6 by the rest of the row",
    ),
    "the last number published": (
        "UPDATE bulk_issuance SET version = version + 1",
        "versions are in the outbox, the last one is ",
    ),
    "a version that is gone": (
        "DELETE FROM change WHERE bulk_issuance_id = 'b1' AND version = 2",
        "versions are in the outbox, the last one is ",
    ),
    "what was published last": (
        edit("bulk_issuance", "{told,exceptions}", "3"),
        "exceptions as published last: 3 is stored, 1 by its members and facts",
    ),
    "counts that nobody publishes": (
        edit("bulk_issuance", "{told,counts,produced}", "9"),
        "counts as published last: produced 9, ",
    ),
    "the last event": (
        "UPDATE change SET value = replace(convert_from(value, 'UTF8'), 's\":1', 's\":2')::bytea",
        "exceptions as published last: 1 is stored, 2 by the last event",
    ),
    "a bulk's row": (
        "DELETE FROM bulk_issuance",
        "it has cards or facts, and no row of its own",
    ),
}


@pytest.mark.parametrize(
    ("damage", "sentence"), [pytest.param(*each, id=name) for name, each in DAMAGE.items()]
)
async def test_damage_is_found_and_told(desk: Desk, damage: str, sentence: str) -> None:
    await on_their_way(desk)
    await desk.connection.execute(damage)
    wrong = (await checked(desk)).wrong
    assert [each for each in wrong if sentence in each], wrong


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_said_nothing_is_found_at_any_time(desk: Desk, seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - chance, and no secret
    for batch in deliveries(rng, bulk_statements(rng)):
        await desk.hear_together(batch)
        if rng.random() < 0.3:
            await desk.spread(most=rng.choice((1, 2, 100)))
        async for bulk_id in all_bulks(desk.connection):
            assert (await checked(desk, bulk_id)).wrong == []


async def test_nothing_is_found_while_others_work(desk: Desk) -> None:
    cards = [sent(announcement(f"c{n}", bulk="b1", serial=n)) for n in range(1, 80)]
    scans = [
        sent(fact(status, 10 + at, ORDER, serials=(1 + at % 40, 40 + at)))
        for at, status in enumerate([Status.PRODUCED, Status.SHIPPED, Status.IN_TRANSIT] * 10)
    ]
    await desk.hear(cards[0], sent(order(bulk_issuance("b1"), 1, ORDER)))
    working = asyncio.gather(
        desk.hear(*cards[1:], *scans), *(_spread_on(desk, 40) for _ in range(2))
    )
    looks = 0
    while not working.done():
        assert (await checked(desk)).wrong == []
        looks += 1
        await asyncio.sleep(0)
    await working
    assert looks > 10
    await desk.spread()
    found = await checked(desk)
    assert (found.waits, found.wrong) == (False, [])


async def _spread_on(desk: Desk, times: int) -> None:
    for _ in range(times):
        await desk.spread(most=7)


async def test_the_command_tells_and_its_exit_code_says_whether_anything_is_wrong(
    desk: Desk, dsn: str
) -> None:
    await on_their_way(desk)
    well = await call(dsn, "check", "bulks")
    assert (well.exit_code, well.output) == (
        0,
        "1 bulk issuance with 6 members: 0 differences; 0 have something to spread or to publish\n",
    )
    await desk.connection.execute("UPDATE bulk_issuance SET announced = 5")
    wrong = await call(dsn, "check", "bulks", "b1", "b9")
    assert wrong.exit_code == 1
    assert wrong.output.splitlines() == [
        "b1: column announced: 5 is stored, 6 by the rest of the row",
        "b9: nobody ever spoke of it",
        "1 bulk issuance with 6 members: 2 differences; 0 have something to spread or to publish",
    ]


async def test_a_timeline_finds_out_whether_it_is_a_card_or_a_bulk_issuance(
    desk: Desk, dsn: str
) -> None:
    await on_their_way(desk)
    assert "bulk issuance b1" in (await call(dsn, "timeline", "b1")).output
    assert "of bulk issuance b1 no. 1" in (await call(dsn, "timeline", "c1")).output
    await desk.hear(sent(announcement("b1")))
    both = (await call(dsn, "timeline", "b1")).output
    assert both.startswith("b1  gold")
    assert "bulk issuance b1" in both
    nobody = await call(dsn, "timeline", "b9")
    assert nobody.exit_code == 1
    assert "nobody ever spoke of a card or bulk issuance b9" in nobody.output

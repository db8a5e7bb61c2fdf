"""Who took a partition over, and died with which records in hand, as the database keeps it."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Final

import pytest
from taking import Database, database_of

from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Positions
from positions_in_memory import SharedPositions

_FIRST: Final = Partition("t", 0)
_SECOND: Final = Partition("t", 1)
_STEPS: Final = 150


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with database_of(dsn, _FIRST, _SECOND) as database:
        yield database


async def test_processes_that_take_a_partition_are_counted_until_it_moves(
    database: Database,
) -> None:
    takers = [(await database.taken_by(database.process(name))).takers for name in "aabcc"]
    assert takers == [1, 1, 2, 3, 3]
    await database.move(1)
    assert [(await database.taken_by(database.process(name))).takers for name in "ca"] == [1, 2]


async def test_a_position_that_somebody_is_about_to_move_is_taken_without_waiting(
    database: Database,
) -> None:
    late = database.process("a")
    async with database.moving(to=1), asyncio.timeout(5):
        taken = await database.taken_by(late)
        assert await late.hold({_FIRST: 0}, alone=True) is None, "it could not be noted"
    assert taken.position.next_offset == 0
    await late.hang_up()


async def test_what_was_in_hand_of_a_process_that_died_is_in_doubt_and_counted(
    database: Database,
) -> None:
    first, second, third = map(database.process, "abc")
    assert (await database.taken_by(first)).in_hand is None
    assert [await first.hold({_FIRST: 0}, alone=True) for _ in range(2)] == [0, 0]
    assert (await database.taken_by(second)).in_hand == 0
    assert await first.hold({_FIRST: 0}, alone=True) is None, "another has the partition"
    await first.hang_up()
    assert await second.hold({_FIRST: 0}, alone=True) == 1
    await second.let_go()
    assert (await database.taken_by(third)).in_hand == -1, "it is in doubt, and nothing in hand"
    assert await third.hold({_FIRST: 0}, alone=True) == 0
    await third.trust()
    assert (await database.taken_by(second)).in_hand is None


async def test_a_death_with_others_in_hand_does_not_count_for_the_last_of_them(
    database: Database,
) -> None:
    await database.dies_with("a", 0, alone=False)
    await database.dies_with("b", 0)
    third = database.process("c")
    await database.taken_by(third)
    assert await third.hold({_FIRST: 0}, alone=True) == 1
    await third.hang_up()


async def test_who_comes_back_to_a_record_has_not_died_of_it(database: Database) -> None:
    one = database.process("a")
    await one.take([_FIRST, _SECOND])
    held = [await one.hold({p: 0}, alone=True) for p in (_FIRST, _SECOND, _FIRST, _SECOND)]
    assert held == [0, 0, 0, 0]
    await one.hang_up()


async def test_what_is_let_go_while_it_is_being_noted_is_let_go(database: Database) -> None:
    one = database.process("a")
    await database.taken_by(one)
    for offset in range(20):
        noted = asyncio.create_task(one.hold({_FIRST: offset}, alone=True))
        await asyncio.sleep(0)
        await one.let_go()
        assert await noted == 0
        assert await database.in_hand() == -1


async def test_of_a_topic_that_was_made_again_no_deaths_are_known(database: Database) -> None:
    await database.dies_with("a", 0)
    await database.dies_with("b", 0)
    await database.accept(offset=0)
    after = database.process("c")
    assert (await database.taken_by(after))[1:] == (1, None)
    assert await after.hold({_FIRST: 0}, alone=True) == 0
    await after.hang_up()


@pytest.mark.parametrize("seed", range(8))
async def test_positions_in_memory_are_as_those_of_the_database(
    database: Database, seed: int
) -> None:
    """The simulation of deadly records stands on them."""
    chance, shared = random.Random(seed), SharedPositions([_FIRST, _SECOND])  # noqa: S311 - a test
    pairs = {name: (database.process(name), shared.of(name)) for name in "abc"}
    for _ in range(_STEPS):
        stored, in_memory = pairs[chance.choice("abc")]
        if chance.random() < 0.2:
            partition = chance.choice([_FIRST, _SECOND])
            shared.rows[partition].next_offset += 1
            await database.move(shared.rows[partition].next_offset, partition)
        step = chance.getrandbits(32)
        assert await _after(stored, step, shared) == await _after(in_memory, step, shared)
    for stored, _ in pairs.values():
        await stored.hang_up()


async def _after(positions: Positions, step: int, shared: SharedPositions) -> object:
    """What a step of chance gives, one that is the same for the same number."""
    chance = random.Random(step)  # noqa: S311 - a test
    some = chance.choice([[_FIRST], [_SECOND], [_FIRST, _SECOND]])
    last = {p: shared.rows[p].next_offset + chance.choice([0, 0, 1]) for p in some}
    match chance.choice(["take", "take", "hold", "hold", "hold", "let go", "trust"]):
        case "take":
            return await positions.take(some)
        case "hold":
            return await positions.hold(last, alone=len(some) == 1 and chance.random() < 0.7)
        case "let go":
            await positions.let_go()
        case _:
            await positions.trust()
    return None

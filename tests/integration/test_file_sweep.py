"""Files that are not whole, or disagree with themselves: somebody is told until it is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations

import asyncpg
import pytest
from file_sweeping import Sweeping

from builders import file_line, order_no
from card_fulfillment.domain.files import FileLine, FileName
from card_fulfillment.postgres.file_accounts import files_of
from postgres_state import PostgresState, opened

_LATER = timedelta(hours=1)


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


@pytest.fixture
def sweeping(state: PostgresState, dsn: str) -> Sweeping:
    return Sweeping(state, dsn)


_WHOLE = (
    file_line(1, sequence=7),
    file_line(2, quantity=3, sequence=7),
    file_line(3, quantity=4, sequence=7),
    file_line(4, total=7, sequence=7, with_trailer=True),
)


async def test_a_whole_file_raises_nothing(sweeping: Sweeping) -> None:
    await sweeping.take(*_WHOLE)

    assert await sweeping.sweep() == (0, 0)


async def test_a_file_that_still_comes_is_left_alone_until_the_grace_is_over(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(_WHOLE[0], _WHOLE[2])

    assert await sweeping.sweep(_LATER) == (0, 0)
    assert await sweeping.sweep() == (1, 0)
    assert await sweeping.open() == [
        ("file_lines_missing", "file:f1", "lines that did not come: 2"),
    ]


async def test_it_is_told_of_once_and_closed_when_it_is_whole(sweeping: Sweeping) -> None:
    await sweeping.take(_WHOLE[1], _WHOLE[3])

    assert await sweeping.sweep() == (2, 0)
    assert await sweeping.sweep() == (0, 0)
    assert await sweeping.open() == [
        ("file_lines_missing", "file:f1", "lines that did not come: 3"),
        ("file_total_mismatch", "file:f1", "its trailer says 7, its lines come to 3"),
    ]
    await sweeping.take(_WHOLE[2])
    assert await sweeping.sweep(_LATER) == (0, 2)
    assert await sweeping.open() == []
    assert await sweeping.told() == 2


async def test_it_is_counted_again_only_when_lines_of_it_came(sweeping: Sweeping) -> None:
    """What is wrong with it may be so for ever: of all such files all lines would be, each time."""
    await sweeping.take(_WHOLE[1], _WHOLE[3])
    assert await sweeping.sweep() == (2, 0)
    name = _WHOLE[1].file

    assert await sweeping.looks_at(name) == set()
    await sweeping.take(_WHOLE[0])
    assert await sweeping.looks_at(name) == {name}


async def test_while_lines_come_no_new_alert_replaces_one_that_is_over(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(_WHOLE[0], _WHOLE[3])
    assert await sweeping.sweep() == (2, 0)

    await sweeping.take(_WHOLE[1])

    assert await sweeping.sweep(_LATER) == (0, 2)
    assert await sweeping.sweep() == (2, 0)


async def test_a_line_with_two_contents_counts_twice_and_is_told_of(sweeping: Sweeping) -> None:
    await sweeping.take(*_WHOLE, file_line(3, quantity=5, sequence=7))

    await sweeping.sweep()

    assert await sweeping.open() == [
        ("file_line_conflict", "file:f1", "lines that came with different contents: 3"),
        ("file_total_mismatch", "file:f1", "its trailer says 7, its lines come to 12"),
    ]


async def test_a_file_that_was_cut_off_is_told_of_where_the_vendor_sends_trailers(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(file_line(1, file="cut", with_trailer=True), file_line(1, file="other"))

    await sweeping.sweep()

    assert await sweeping.open() == [
        ("file_trailer_missing", "file:cut", "its trailer did not come"),
    ]


def _numbered(*numbers: int) -> list[FileLine]:
    return [file_line(1, file=f"f{n}", sequence=n) for n in numbers]


async def test_a_number_between_two_files_that_did_not_come_is_told_of_until_it_comes(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(*_numbered(16, 18))
    assert await sweeping.sweep() == (1, 0)
    assert await sweeping.open() == [("file_gap", "file:f18", "before it files did not come: 17")]

    await sweeping.take(*_numbered(17))

    assert await sweeping.sweep(_LATER) == (0, 1)


async def test_a_file_that_overtakes_another_within_the_grace_is_no_gap(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(*_numbered(16, 18))
    assert await sweeping.sweep(_LATER) == (0, 0)

    await sweeping.take(*_numbered(17))

    assert await sweeping.sweep() == (0, 0)


async def test_a_gap_is_none_until_the_grace_of_both_files_beside_it_is_over(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(*_numbered(16, 18))
    await sweeping.age("f18")
    assert await sweeping.sweep(_LATER) == (0, 0)

    await sweeping.age("f16")

    assert await sweeping.sweep(_LATER) == (1, 0)


async def test_a_file_with_a_line_that_came_meanwhile_is_looked_at_again(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(_WHOLE[0])

    await sweeping.take_while_it_is_looked_at(_WHOLE[2])

    assert await sweeping.sweep() == (1, 0)


async def test_gaps_are_those_of_all_files_that_came_whatever_their_order(
    state: PostgresState, dsn: str
) -> None:
    ends = []
    for numbers in permutations((3, 5, 6, 9)):
        await state.empty()
        state.hang_up()
        sweeping = Sweeping(state, dsn)
        for number in numbers:
            await sweeping.take(*_numbered(number))
            await sweeping.sweep()
        ends.append(await sweeping.open())

    assert ends[0] == [
        ("file_gap", "file:f5", "before it files did not come: 4"),
        ("file_gap", "file:f9", "before it files did not come: 7-8"),
    ]
    assert all(end == ends[0] for end in ends)


async def test_what_is_over_and_there_again_is_opened_again_and_not_told_twice(
    sweeping: Sweeping,
) -> None:
    await sweeping.take(file_line(1), file_line(3))
    assert await sweeping.sweep() == (1, 0)
    await sweeping.take(file_line(6))
    assert await sweeping.sweep() == (1, 1)

    await sweeping.take(file_line(4), file_line(5))

    assert await sweeping.sweep() == (1, 1)
    assert [message for *_, message in await sweeping.open()] == ["lines that did not come: 2"]
    assert await sweeping.told() == 2


async def test_what_a_person_closed_is_not_opened_again(
    state: PostgresState, sweeping: Sweeping
) -> None:
    await sweeping.take(*_numbered(16, 18))
    await sweeping.sweep()

    assert len(await sweeping.close()) == 1

    await sweeping.take(*_numbered(19))
    assert await sweeping.sweep() == (0, 0)
    assert await sweeping.open() == []
    assert (await state.snapshot()).dead_letters == ["file_gap"]


async def test_of_many_files_all_are_looked_at(sweeping: Sweeping) -> None:
    await sweeping.take(*(file_line(n, file=f"f{i}") for i in range(450) for n in (1, 3)))

    assert await sweeping.sweep() == (450, 0)
    assert await sweeping.sweep() == (0, 0)


async def test_several_processes_that_sweep_tell_once(sweeping: Sweeping) -> None:
    await sweeping.take(*(file_line(n, file=f"f{i}") for i in range(20) for n in (1, 3)))

    swept = await asyncio.gather(*(sweeping.sweep_beside() for _ in range(4)))

    assert sum(each.raised for each in swept) == await sweeping.told() == 20


async def test_the_files_that_mention_a_reference_are_told_with_their_discrepancies(
    sweeping: Sweeping, dsn: str
) -> None:
    mentioned = order_no("o1")
    await sweeping.take(
        *_numbered(4),
        file_line(1, mentioned, sequence=7, quantity=3),
        file_line(3, sequence=7, total=4),
        file_line(1, order_no("o2"), file="f2"),
    )
    connection = await asyncpg.connect(dsn)
    try:
        (account,) = await files_of(connection, [mentioned], 9)
    finally:
        await connection.close()

    assert account.name == FileName("alpha", "f1")
    assert (account.sequence, account.lines, account.quantity) == (7, 2, 3)
    assert [tuple(each) for each in account.discrepancies] == [
        ("file_total_mismatch", 3, (4,), ()),
        ("file_lines_missing", None, (), ((2, 2),)),
        ("file_gap", None, (), ((5, 6),)),
    ]

"""The ways out of alarms that a person must take: going on from what Kafka has.

Both only say what they would do, unless --yes is given, and refuse while a worker runs.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from card_fulfillment import starting
from card_fulfillment.commands.running import (
    FOUND_WRONG,
    USAGE,
    fail,
    finish,
    load_settings,
    topics_of,
)
from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.examination import examiner
from card_fulfillment.kafka.incarnation import verified_extents
from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.messages.headers import Headers
from card_fulfillment.pipeline.acceptance import LaneStep, NotAcceptable, step_of
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.output_check import last_seqs, partitions_changed
from card_fulfillment.pipeline.positions import InputRecreated
from card_fulfillment.pipeline.relay_ports import Tail, Unavailable
from card_fulfillment.postgres import acceptance
from card_fulfillment.postgres.acceptance import Interfered
from card_fulfillment.postgres.connection import Connection, connector
from card_fulfillment.postgres.examination import take_inventory
from card_fulfillment.postgres.outbox import values_of
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.settings import Settings

accept = typer.Typer(help=__doc__, no_args_is_help=True)

_Topic = Annotated[str, typer.Argument(help="By its full name.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do it; else it is only said.")]


@accept.command()
def output(topic: _Topic, *, yes: _Yes = False) -> None:
    """After output_ahead_of_database or output_behind_database: publish on from Kafka's end.

    What may not be published yet is published behind it, under the event ids that it had.
    """
    settings = load_settings()
    if topic not in topics_of(settings).outputs:
        fail(USAGE, f"{topic} is no output topic by the settings")
    _end(finish(_accept_output(settings, topic, yes=yes)), yes=yes)


@accept.command("input")
def input_(topic: _Topic, *, yes: _Yes = False) -> None:
    """After input_recreated: take the topic from its beginning, where it is another one.

    What was taken from the old one already is known by its ids, and counts as duplicate.
    """
    settings = load_settings()
    if topic not in topics_of(settings).readers:
        fail(USAGE, f"{topic} is no input topic by the settings")
    _end(finish(_accept_input(settings, topic, yes=yes)), yes=yes)


def _end(changes: int | str, *, yes: bool) -> None:
    if isinstance(changes, str):
        fail(FOUND_WRONG, changes)
    if not changes:
        typer.echo("the topic and the database agree: nothing is to be done")
    elif yes:
        typer.echo("done; workers may start again")
    else:
        typer.echo("nothing was changed; --yes does it")


async def _accept_output(settings: Settings, topic: str, *, yes: bool) -> int | str:
    """How many lanes differ, or why it cannot be done."""
    async with _alone(settings) as connection:
        if connection is None:
            return "workers run: stop all of them first"
        steps = await _steps(settings, connection, topic, fence=yes)
        if isinstance(steps, str):
            return steps
        for step in steps:
            typer.echo(
                f"{topic}[{step.partition}]: Kafka ends with {step.new_published}, the database "
                f"with {step.last_seq} and {step.published_seq} of them published; "
                f"{step.publishes} changes will be published after {step.new_published}"
            )
        if yes and steps:
            try:
                await acceptance.accept_output(connection, topic, steps)
            except Interfered as error:
                return str(error)
        return len(steps)


async def _steps(
    settings: Settings, connection: Connection, topic: str, *, fence: bool
) -> list[LaneStep] | str:
    """What is to be done to the lanes.

    fence: whoever published to the topic cannot any more, so that its end stays where it is.
    """
    rows = {
        row.partition: row for of, row in (await take_inventory(connection)).lanes if of == topic
    }
    if not rows:
        return f"no worker has ever published to {topic} from this database: start one"
    try:
        tails = await _tails(settings, topic, rows, fence=fence)
    except Unavailable as error:
        return f"{error}; try again"
    if rows.keys() != tails.keys():
        return partitions_changed("the topic", len(tails), len(rows))
    try:
        values = await values_of(connection, last_seqs(tails))
        steps = [
            step
            for p, tail in tails.items()
            if (step := step_of(rows[p], tail, values.get(rows[p].lane)))
        ]
    except NotAcceptable as error:
        return str(error)
    if lacks := [said async for said in _gaps(connection, steps)]:
        return f"the outbox lacks changes that {topic} needs: {'; '.join(lacks)}"
    return steps


async def _gaps(connection: Connection, steps: Sequence[LaneStep]) -> AsyncIterator[str]:
    """In the words of the alarm `lane_gap`."""
    for step in steps:
        after = min(step.published_seq, step.new_published)
        for first, last in await acceptance.gaps(connection, step.lane, after, step.last_seq):
            yield f"lane {step.lane} lacks {first} to {last}"


async def _tails(
    settings: Settings, topic: str, partitions: Collection[int], *, fence: bool
) -> Mapping[int, Tail]:
    if not fence:
        return await starting.read_ends(settings, topic, partitions, settled=True)
    headers = Headers(settings.events.source, settings.events.schema_base)
    async with publisher_of(settings.kafka, topic, headers)() as publisher:
        await publisher.start()
        return await publisher.tails()


async def _accept_input(settings: Settings, topic: str, *, yes: bool) -> int | str:
    async with _alone(settings) as connection:
        if connection is None:
            return "workers run: stop all of them first"
        changed: dict[Partition, tuple[int, int]] = {}
        try:
            for partition, offset in (await take_inventory(connection)).positions.items():
                if partition.topic == topic and (why := await _why_another(settings, partition)):
                    begin = await _beginning(settings, partition)
                    changed[partition] = (offset, begin)
                    typer.echo(f"{why}: it will be taken from {begin}")
        except SourceUnavailable as error:
            return f"Kafka does not tell: {error}"
        if yes and changed:
            try:
                await acceptance.accept_input(connection, changed)
            except Interfered as error:
                return str(error)
        return len(changed)


async def _why_another(settings: Settings, partition: Partition) -> str | None:
    positions = PostgresPositions(connector(settings.postgres, "accept"))
    found = await positions.load([partition])
    try:
        await verified_extents(client_options(settings.kafka), [partition], found)
    except InputRecreated as error:
        return str(error)
    return None


async def _beginning(settings: Settings, partition: Partition) -> int:
    extents = await verified_extents(client_options(settings.kafka), [partition], {})
    return extents[partition].first


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncIterator[Connection | None]:
    """A connection to the database; none where the group has members."""
    async with starting.database(settings, "accept") as connection:
        members = await starting.reachable(
            "Kafka", lambda: _members(settings), kafka_connection.is_passing
        )
        yield None if members else connection


async def _members(settings: Settings) -> int:
    async with examiner(client_options(settings.kafka)) as examined:
        return len((await examined.group(settings.kafka.group_id)).members)

"""The audit as a command: once over all that there is, or for as long as it is let."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Final

import typer

from card_fulfillment import starting
from card_fulfillment.audit.follow import follow as keep_auditing
from card_fulfillment.audit.topic import Connected, HeldBack, TopicAudit, is_passing
from card_fulfillment.commands.running import FOUND_WRONG, finish, load_settings, topics_of
from card_fulfillment.ops.look import number
from card_fulfillment.pipeline.audit import Finding
from card_fulfillment.settings import Settings

_MOST_SENTENCES: Final = 100


def audit(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until SIGTERM, and serve metrics and health.")
    ] = False,
    last: Annotated[
        int | None,
        typer.Option(min=0, help="Begin this many offsets before the end of each partition."),
    ] = None,
) -> None:
    """Hold what subscribers see against what was committed, record by record. Changes nothing."""
    settings = load_settings()
    topics = topics_of(settings).outputs
    if follow:
        finish(keep_auditing(settings, topics, last))
    elif finish(_audit(settings, topics, last)):
        raise typer.Exit(FOUND_WRONG)


async def _audit(settings: Settings, topics: Sequence[str], last: int | None) -> int:
    """How much is wrong."""
    teller = _Teller()
    async with starting.database(settings, "audit"):
        pass  # which says by its address that it is not reachable
    for topic in topics:
        async with AsyncExitStack() as stack:
            connected = await _connected(TopicAudit(settings, topic, last, teller), stack)
            try:
                await connected.read_to_the_end()
            except HeldBack as error:
                raise starting.Misfit(f"{error}: what comes after it cannot be audited") from error
        teller.sum_up(topic)
    return teller.wrong


async def _connected(audit: TopicAudit, stack: AsyncExitStack) -> Connected:
    async def enter() -> Connected:
        return await stack.enter_async_context(audit.connected())

    return await starting.reachable("Kafka or Postgres", enter, is_passing)


class _Teller:
    def __init__(self) -> None:
        self.wrong = 0
        self._records = self._found = 0

    def held(self, topic: str, records: int, found: Sequence[Finding]) -> None:
        self._records += records
        for finding in found:
            if self._found < _MOST_SENTENCES:
                typer.echo(f"{topic}{finding.place}: {finding.violation}: {finding.detail}")
            self._found += 1

    def sum_up(self, topic: str) -> None:
        """Say what became of a topic, and begin to count for the next one."""
        if self._found > _MOST_SENTENCES:
            typer.echo(f"{topic}: and {self._found - _MOST_SENTENCES} more")
        verdict = number(self._found, "violation") if self._found else "exact"
        typer.echo(f"{topic}: {number(self._records, 'record')} held against the outbox: {verdict}")
        self.wrong += self._found
        self._records = self._found = 0

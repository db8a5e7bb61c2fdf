"""Looking whether vendors' files are whole, some time after their last line came."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from card_fulfillment.domain.file_accounts import FileAccount, FileDiscrepancyName, gap
from card_fulfillment.domain.files import FileName
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.file_alerts import file_alert
from card_fulfillment.pipeline.publishing import Publishing

_AT_A_TIME: Final = 200


class OpenAlert(NamedTuple):
    """file: the one that it was told of."""

    dead_letter_id: str
    reason: RefusalReason
    file: FileName


class Looked(NamedTuple):
    """A file as it was looked at.

    record: of a line of it that came last, without its bytes. is_due: the grace is over.
    is_new: nobody looked at it since its last line.
    """

    account: FileAccount
    record: Record
    changed_at: datetime
    is_due: bool
    is_new: bool


class Gap(NamedTuple):
    """Numbers of files that did not come before `file`."""

    file: FileName
    previous: int
    sequence: int
    record: Record


class SweepingFiles(Protocol):
    """One transaction that looks at files. Every method may raise StoreUnavailable or Contended."""

    async def take_turn(self) -> bool:
        """Until the transaction ends nobody else sweeps files; false where somebody does."""
        ...

    async def open_file_alerts(self) -> Sequence[OpenAlert]: ...

    async def looked_at(
        self, grace: timedelta, told_of: Collection[FileName], most: int
    ) -> Sequence[Looked]:
        """Files that nobody looked at since their last line, once it is older than the grace.

        At most so many; and all of those that somebody was told of, whatever their last line's age.
        """
        ...

    async def gaps(self, vendors: Collection[str], grace: timedelta) -> Sequence[Gap]:
        """Numbers missing between files that are both older than the grace."""
        ...

    async def stored_letters(self, ids: Collection[str]) -> Mapping[str, bool]:
        """Those of the ids that are stored; true: they are over, and nobody closed them."""
        ...

    async def settle(self, looked: Sequence[Looked]) -> None:
        """They need not be looked at again, unless a line came meanwhile."""
        ...

    async def write(self, effects: Effects) -> None: ...


class Swept(NamedTuple):
    raised: int
    resolved: int


async def sweep_files(
    transaction: Callable[[], AbstractAsyncContextManager[SweepingFiles]],
    grace: timedelta,
    publishing: Publishing,
    now: int,
) -> Swept:
    """Raise and close alerts about files. Any number of processes may sweep.

    Raises StoreUnavailable or Contended.
    """
    raised = resolved = 0
    while True:
        async with transaction() as sweeping:
            if not await sweeping.take_turn():
                return Swept(raised, resolved)
            effects, full = await _sweep(sweeping, grace)
            effects.changes = [publishing.dead_letter(each, now) for each in effects.dead_letters]
            if effects.dead_letters or effects.resolved or effects.reopened:
                await sweeping.write(effects)
        raised += len(effects.dead_letters) + len(effects.reopened)
        resolved += len(effects.resolved)
        if not full:
            return Swept(raised, resolved)


async def _sweep(sweeping: SweepingFiles, grace: timedelta) -> tuple[Effects, bool]:
    """What changes, and whether there may be more files to look at."""
    alerts = await sweeping.open_file_alerts()
    told_of = {each.file for each in alerts}
    looked = await sweeping.looked_at(grace, told_of, _AT_A_TIME)
    vendors = {name.vendor for name in (*told_of, *(each.account.name for each in looked))}
    gaps = await sweeping.gaps(vendors, grace) if vendors else ()
    due = [each for each in looked if each.is_due]
    found = _by_id((*_of_files(looked), *_of_gaps(gaps)))
    is_open = {each.dead_letter_id for each in alerts}
    as_it_was = _untouched(alerts, {each.account.name for each in looked})
    raised = _by_id((*_of_files(due), *_of_gaps(gaps))).keys() - is_open
    stored = await sweeping.stored_letters(raised) if raised else {}
    await sweeping.settle(due)
    effects = Effects(
        dead_letters=[found[i] for i in sorted(raised - stored.keys())],
        resolved=sorted(is_open - found.keys() - as_it_was),
        reopened=sorted(i for i, is_over in stored.items() if is_over),
    )
    return effects, sum(each.is_new for each in due) >= _AT_A_TIME


def _untouched(alerts: Iterable[OpenAlert], looked: Collection[FileName]) -> set[str]:
    """Alerts about files of which no line came since: what is wrong with them still is.

    But a gap before one: other files fill it.
    """
    return {
        each.dead_letter_id
        for each in alerts
        if each.file not in looked and each.reason is not RefusalReason.FILE_GAP
    }


def _by_id(letters: Iterable[DeadLetter]) -> dict[str, DeadLetter]:
    return {letter.dead_letter_id: letter for letter in letters}


def _of_files(looked: Iterable[Looked]) -> Iterable[DeadLetter]:
    for account, record, *_ in looked:
        for each in account.discrepancies:
            if each.name is not FileDiscrepancyName.FILE_GAP:
                yield file_alert(account.name, each, record)


def _of_gaps(gaps: Iterable[Gap]) -> Iterable[DeadLetter]:
    for file, previous, sequence, record in gaps:
        for each in gap(previous, sequence):
            yield file_alert(file, each, record)

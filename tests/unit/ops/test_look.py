"""Pages as they come to a terminal."""

from datetime import datetime
from io import StringIO

import pytest

from card_fulfillment.domain.detail import Precision
from card_fulfillment.ops import look


def test_what_escapes_make_longer_is_not_cut_off() -> None:
    table = look.table("Cards", "id", "vendor")
    table.add_row("\x1b" * 12, "[acme]")
    output = StringIO()
    look.show([table], output, width=24)
    assert "\\x1b" * 12 in output.getvalue()
    assert "[acme]" in output.getvalue()


@pytest.mark.parametrize(
    "first_instant", ["2026-03-01T20:00", "2026-03-02T00:00", "2026-03-02T08:00"]
)
def test_a_day_is_shown_as_it_was_stated_whoevers_zone_it_is_of(first_instant: str) -> None:
    """In Dubai, in London and in Los Angeles; a time of that day is shown in UTC."""
    at = datetime.fromisoformat(f"{first_instant}Z")
    assert look.long_time(at, Precision.DAY) == "2026-03-02"
    assert look.short_time(at, Precision.DAY) == look.short_day(at, Precision.DAY) == "02 Mar"
    assert look.long_time(at, Precision.SECOND) == first_instant.replace("T", " ")

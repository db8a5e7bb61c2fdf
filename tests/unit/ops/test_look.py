"""Pages as they come to a terminal."""

from io import StringIO

from card_fulfillment.ops import look


def test_what_escapes_make_longer_is_not_cut_off() -> None:
    table = look.table("Cards", "id", "vendor")
    table.add_row("\x1b" * 12, "[acme]")
    output = StringIO()
    look.show([table], output, width=24)
    assert "\\x1b" * 12 in output.getvalue()
    assert "[acme]" in output.getvalue()

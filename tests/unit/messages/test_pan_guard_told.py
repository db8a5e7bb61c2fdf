"""Ids in what a plug-in tells in JSON: spared in the vendor's own bytes, too, and nothing else."""

import json
import re
from collections.abc import Mapping

import pytest

from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.pan_guard import PanGuard, Spared

VISA = "4111111111111111"


def in_json(value: bytes, _headers: Mapping[str, bytes]) -> bytes:
    return json.dumps(dict(re.findall(r"<(\w+)>([^<]*)(?=<)", value.decode()))).encode()


GUARD = PanGuard((), {"t": Spared(frozenset({("waybill",)}), in_json=in_json)}, 65_536)


def place(value: str) -> str | None:
    found = GUARD.refused(Record("t", 0, 0, 0, b"k", value.encode()))
    return None if found is None else found.field_path


@pytest.mark.parametrize("waybill", [f"W{VISA}", f"DXB-{VISA}", f"{VISA}-01-X", f"A-{VISA}-B"])
def test_a_waybill_may_have_dashes_and_the_digits_of_a_card_number(waybill: str) -> None:
    assert place(f"<x><waybill>{waybill}</waybill></x>") is None
    assert place(f"<x><waybill>{waybill}</waybill><!-- of {waybill} --></x>") is None
    assert place(f"<x><note>{waybill}</note></x>") == "note"
    assert place(f"<x><waybill>{waybill}</waybill><!-- {VISA} --></x>") == ""
    assert place(f"<x><waybill>{waybill}</waybill><!-- 1-{VISA} --></x>") == ""


def test_nor_is_a_waybill_spared_that_is_nothing_else() -> None:
    assert place(f"<x><waybill>{VISA}</waybill></x>") == "waybill"
    assert place(f"<x><waybill>{VISA[:4]}-{VISA[4:]}</waybill></x>") == "waybill"

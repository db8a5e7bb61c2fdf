"""For how long names mean somebody is a setting, and a vendor's profile may say less."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agreement import run
from builders import NOW, Log, announcement, fact, order, order_no, publishing, sent, waybill
from card_fulfillment.domain.facts import DAY, HOUR, Fact
from card_fulfillment.domain.status import Status
from card_fulfillment.domain.windows import Windows
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.settings import BindingSettings, Settings, VendorSettings
from card_fulfillment.topology import topology
from memory import MemoryStore
from snapshot import Snapshot

_ORDER = order_no("o1")
_PROFILE = """
vendor: hasty
role: carrier
version: 1
live_tracking: true
window_days: 60
reference_kinds: [waybill]
rules:
  - references: {waybill: message.no}
    facts:
      - {code: message.code, codes: {A: in_transit}}
"""


def test_the_settings_and_the_profiles_say_for_how_long(tmp_path: Path) -> None:
    (tmp_path / "hasty.yaml").write_text(_PROFILE, encoding="utf-8")
    bindings = BindingSettings(grace=timedelta(hours=1), window=timedelta(days=90))
    vendors = VendorSettings(directory=tmp_path)

    windows = topology(Settings(bindings=bindings, vendors=vendors)).windows

    assert (windows.grace, windows.of("meridian"), windows.of("hasty")) == (
        HOUR,
        90 * DAY,
        60 * DAY,
    )
    assert windows._replace(window=30 * DAY).of("hasty") == 30 * DAY
    assert topology(Settings()).windows == Windows()


def _told(windows: Windows, *facts: Fact) -> list[str]:
    """Of a card that was ordered at 0."""
    store, log = MemoryStore(), Log()
    applier = Applier(store, replace(publishing(), windows=windows))
    batch = log.batch([sent(announcement("c1"), order("c1", 0, _ORDER), *facts)])
    run(store.begin(batch.moves))
    run(applier.apply(batch, NOW))
    snapshot: Snapshot = run(store.snapshot())
    return snapshot.statuses()["c1"][2:]


@pytest.mark.parametrize(("at", "told"), [(240, [Status.SHIPPED]), (240.1, [])])
def test_what_comes_after_the_window_of_its_vendor_waits(at: float, told: list[Status]) -> None:
    windows = Windows(shorter={"alpha": 10 * DAY})
    assert _told(windows, fact(Status.SHIPPED, at, _ORDER)) == told
    assert _told(Windows(window=10 * DAY), fact(Status.SHIPPED, at, _ORDER)) == told


def test_a_name_has_the_window_of_the_vendor_whose_name_it_is() -> None:
    named = fact(Status.SHIPPED, 5, _ORDER, names=[waybill("w")])
    scanned = fact(Status.DELIVERED, 500, waybill("w"))
    both = [Status.SHIPPED, Status.DELIVERED]
    assert _told(Windows(shorter={"alpha": 10 * DAY}), named, scanned) == both
    assert _told(Windows(shorter={"courier": 10 * DAY}), named, scanned) == both[:1]


@pytest.mark.parametrize(("at", "told"), [(-10, [Status.SHIPPED]), (-10.1, [])])
def test_what_comes_before_the_grace_waits(at: float, told: list[Status]) -> None:
    assert _told(Windows(grace=10 * HOUR), fact(Status.SHIPPED, at, _ORDER)) == told

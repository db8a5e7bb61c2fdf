"""Feeds that are documented publicly, by configuration alone.

They prove the language. What their vendors mean by each code is for whoever uses them to check, so
they do not come with the worker.
"""

from pathlib import Path

import pytest

from card_fulfillment.onboarding.proving import prove
from card_fulfillment.vendors.advice import advice
from card_fulfillment.vendors.profile import load_profile

FEEDS = sorted((Path(__file__).parent / "feeds").glob("*.yaml"))


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.stem)
def test_a_feed_is_mapped_as_its_examples_say_and_they_show_every_code(path: Path) -> None:
    proved = prove(load_profile(path))

    assert [str(d) for trial in proved.trials for d in trial.differences] == []
    assert proved.unshown == []
    assert list(advice(proved.profile.source)) == []


def test_there_is_an_issuer_or_bureau_a_carrier_and_an_aggregator() -> None:
    assert {load_profile(path).role for path in FEEDS} == {"bureau", "carrier", "aggregator"}

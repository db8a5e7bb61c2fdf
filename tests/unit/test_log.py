"""What is logged, beside what the worker says itself."""

import logging
from collections.abc import Iterator

import pytest

from card_fulfillment import log


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root, client = logging.getLogger(), logging.getLogger("aiokafka")
    handlers, levels = root.handlers, (root.level, client.level)
    yield
    root.handlers = handlers
    root.setLevel(levels[0])
    client.setLevel(levels[1])


def test_what_kafkas_client_and_the_port_repeat_is_told_once_in_a_while(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.configure("json", "INFO")
    _complain(times=3)
    monkeypatch.setattr(log, "_SAYS_IT_EVERY", 0.0)
    _complain(times=1)
    said = capsys.readouterr().err
    assert [said.count(each) for each in ("no answer from", "another thing", "no request")] == [
        2
    ] * 3
    assert said.count("ours") == 4


def _complain(*, times: int) -> None:
    for number in range(times):
        logging.getLogger("aiokafka.client").error("no answer from %s", number)
        logging.getLogger("aiokafka.cluster").error("another thing")
        logging.getLogger("uvicorn.error").warning("no request")
        logging.getLogger("card_fulfillment").warning("ours %s", number)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_has_nothing_of_what_variables_held(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    log.configure(form, "INFO")
    _fail("Maria Roth")
    said = capsys.readouterr().err
    assert ("_fail" in said, "ZeroDivisionError" in said, "Maria Roth" in said) == (
        True,
        True,
        False,
    )


def _fail(private: str) -> None:
    try:
        len(private) // 0
    except ZeroDivisionError:
        logging.getLogger("aiokafka.conn").exception("unexpected")

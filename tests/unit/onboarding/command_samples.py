"""A profile, a message, and how the commands are called."""

import json
import logging
from typing import Any

from typer.testing import CliRunner, Result

from card_fulfillment.cli import cli

PROFILE = """\
vendor: acme
role: bureau
version: 1
live_tracking: true
zone: Asia/Dubai
reference_kinds: [card]
rules:
  - each: {line: message.lines}
    references: {card: line.card}
    facts:
      - code: line.stage
        codes: {P: produced, S: shipped}
        ignore: [T]
        time: [line.done, line.begun]
"""
EXAMPLES = """
examples:
  - name: made
    messages: '{"lines":[{"card":"c1","stage":"P","begun":"2026-03-02T06:00"}]}'
    expect: [fact: %s]
"""
MESSAGE = {
    "lines": [
        {"card": "c1", "stage": "P", "begun": "2026-03-02T06:00", "holder": "\x1b[31mA. Name"},
        {"card": "c2", "stage": "p", "begun": "2026-03-02T06:00"},
        {"stage": "S", "done": "2026-03-02T06:00"},
        {"card": "c1", "stage": "T"},
    ]
}


def call(*arguments: object, stdin: str | None = None, **settings: str) -> Result:
    """Every command configures logging for its process; here it stays as it was."""
    environment = {f"FULFILLMENT_{name}": value for name, value in settings.items()}
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        return CliRunner().invoke(cli, list(map(str, arguments)), env=environment, input=stdin)
    finally:
        root.handlers, root.level = handlers, level


def vendors(*arguments: object, stdin: str | None = None, **settings: str) -> Result:
    return call("vendors", *arguments, stdin=stdin, **settings)


def as_data(*arguments: object, stdin: str | None = None) -> Any:  # noqa: ANN401 - JSON
    return json.loads(vendors(*arguments, "--json", stdin=stdin).output)

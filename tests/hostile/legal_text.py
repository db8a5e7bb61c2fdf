"""Text that is dangerous elsewhere and legal here: stored and published as it is, harmless."""

from collections.abc import Iterator
from typing import Final

from .case import (
    CREATED,
    REQUESTED,
    TRACKED,
    Case,
    bad,
    created,
    good,
    notified,
    requested,
    tracking,
)

TEXTS: Final = {
    "SQL": "'; DROP TABLE card; --",
    "SQL in a dollar quote": "$$; SELECT pg_sleep(60); $$",
    "an array literal": "{NULL,\"a\",'b',\\\\x}",
    "a copy marker": "\\.",
    "a query parameter": "$1 %s :name ?",
    "HTML": "<script>alert(document.cookie)</script>",
    "an attribute": '" onmouseover="alert(1)',
    "a template": "{{ 7 * 7 }}{% for x in ().__class__.__base__.__subclasses__() %}",
    "a format": "{0.__class__.__init__.__globals__} %(password)s %n%n%n",
    "a shell": "$(touch /tmp/hostile) `id` && exit",
    "a JNDI lookup": "${jndi:ldap://127.0.0.1/a}",
    "a path": "../../../../etc/passwd",
    "YAML": "!!python/object/apply:os.system ['true']",
    "a YAML anchor": "&a [*a, *a]",
    "JSON": '{"event_id": "other"}',
    "a spreadsheet's formula": '=HYPERLINK("http://127.0.0.1")',
    "an LDAP filter": "*)(uid=*))(|(uid=*",
    "a regular expression": "(a+)+$",
    "a log line": "level=error event=relay.alarm",
    "quotes and backslashes": "\\\"'\\\\'\"",
    "right to left": "الرياض",
    "combining marks": "Z̸̢̛a̷͝l̶go",
    "an emoji": "💳",
    "many bytes a character": "\U0001d54f" * 64,
    "not normalised": "e\u0301 = \u00e9",
    "a swear word of parsers": "null",
    "another": "NaN",
    "a prototype": "__proto__",
    "a comment": "<!-- x -->",
    "a private character": "\ue000\U0010fffd",
    "a non-character": "\ufdd0",
    "spaces": " a \u00a0 b ",
}
# What a vendor calls a card so has no name.
NOBODY: Final = ("null", "NaN")


def cases() -> Iterator[Case]:
    for name, text in TEXTS.items():
        slug = name.replace(" ", "-")
        labels = {"text": text, text[:64]: "as a name"}
        yield good(f"{name} in labels", CREATED, created(f"text/{slug}", labels=labels))
        listed = [{"kind": "issuer_ref", "value": text}]
        request = requested(f"text/{slug}", references=listed, shipping={"method": text})
        yield good(f"{name} in a request", REQUESTED, request)
        shipment = {"carrier": text, "trackingNumber": text}
        notification = notified(f"text/{slug}", card=text, issuerRef=text)
        notification["detail"]["shipment"] = shipment
        said = tracking(notification)
        if text in NOBODY:
            yield bad(f"{name} from a vendor", TRACKED, said, "notifications[0]")
        else:
            yield good(f"{name} from a vendor", TRACKED, said)
    for name, card in {
        "SQL": "'--;DROP+TABLE+card",
        "a template": "{{7*7}}",
        "HTML": "<b>x</b>",
        "a path": "../../x",
        "a format": "%s%n{0}",
        "a slash": "/",
        "a comma": "a,b;c",
        "128 characters": "x" * 128,
        "a swear word of parsers": "null",
        "a number": "0",
        "a prototype": "__proto__",
        "a lookup": "${jndi:ldap://127.0.0.1/a}",
    }.items():
        yield good(
            f"a card_id like {name}", CREATED, created(f"id/{name.replace(' ', '-')}", card_id=card)
        )

"""Lengths of time in settings: seconds as a number, or ISO 8601 as in PT30S."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

_SECONDS: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _in_seconds(value: object) -> object:
    """Read a number in a text as seconds, as a number in a YAML file is."""
    is_number = isinstance(value, str) and _SECONDS.fullmatch(value.strip())
    return float(str(value)) if is_number else value


# Servers take times in milliseconds, 0 of them for no limit at all; we add them in microseconds.
_SHORTEST: Final = timedelta(milliseconds=1)
_LONGEST: Final = timedelta(days=36_500)
_LONGEST_OF_SERVERS: Final = timedelta(days=20)

Duration = Annotated[timedelta, BeforeValidator(_in_seconds), Field(ge=_SHORTEST, le=_LONGEST)]
Timeout = Annotated[
    timedelta, BeforeValidator(_in_seconds), Field(ge=_SHORTEST, le=_LONGEST_OF_SERVERS)
]
Pause = Annotated[timedelta, BeforeValidator(_in_seconds), Field(ge=timedelta(0), le=_LONGEST)]

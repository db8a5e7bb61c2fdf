"""What becomes of a vendor's statement: a fact, nothing by declaration, or a dead letter."""

from dataclasses import dataclass
from enum import StrEnum

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored


class Refusal(StrEnum):
    """Why a statement cannot be used. These are reason codes of dead letters."""

    UNMAPPED_CODE = "unmapped_code"
    MALFORMED = "malformed"
    FUTURE_TIME = "future_time"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A statement that must not be guessed at.

    path: where in the message, "" is all of it.
    message: one sentence without values of the payload.
    code: the vendor's code, where there was one: at most 256 characters, of a pair 513.
    """

    path: str
    reason: Refusal
    message: str
    code: str | None = None


Outcome = Fact | FileLine | Ignored | Unusable

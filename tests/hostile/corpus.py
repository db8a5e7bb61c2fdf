"""All hostile records, in the order in which they are sent."""

from . import broken_bytes, card_data, circumstances, legal_text, vendor_messages, wrong_values
from .case import Case

CORPUS: tuple[Case, ...] = (
    *broken_bytes.cases(),
    *wrong_values.cases(),
    *legal_text.cases(),
    *circumstances.cases(),
    *vendor_messages.cases(),
    *card_data.cases(),
)

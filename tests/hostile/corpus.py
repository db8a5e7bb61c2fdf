"""All hostile records, in the order in which they are sent."""

import broken_bytes
import card_data
import circumstances
import legal_text
import vendor_messages
import wrong_values
from case import Case

CORPUS: tuple[Case, ...] = (
    *broken_bytes.cases(),
    *wrong_values.cases(),
    *legal_text.cases(),
    *circumstances.cases(),
    *vendor_messages.cases(),
    *card_data.cases(),
)

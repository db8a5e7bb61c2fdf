"""Cards as rows are read."""

from collections.abc import Iterable
from typing import Any, Final

from card_fulfillment.pipeline.view import CardState
from card_fulfillment.postgres.rows import load_identity, load_journey

CARD_COLUMNS: Final = """
card_id, bulk_issuance_id, serial_number, identity::text, version, journey::text, folded_number
"""


def load_card(columns: Iterable[Any]) -> tuple[str, CardState]:
    """A row of CARD_COLUMNS."""
    card_id, bulk_id, serial, identity, version, journey, folded = columns
    return card_id, CardState(
        load_identity(card_id, bulk_id, serial, identity), load_journey(version, journey), folded
    )

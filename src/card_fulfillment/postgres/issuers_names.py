"""Whom the issuer's own ids mean: what it announced and ordered says so; no row does."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import asyncpg

from card_fulfillment.domain.bindings import Binding, Bindings, Held, by_announcement
from card_fulfillment.domain.naming import Reference, bulk_issuance, card, issuers_name

_ANNOUNCED: Final = """
SELECT card_id, NULL FROM card WHERE card_id = ANY ($1::text[]) AND identity IS NOT NULL
UNION ALL
SELECT NULL, bulk_issuance_id FROM bulk_issuance
WHERE bulk_issuance_id = ANY ($1::text[]) AND announced > 0
"""
# An order is the one statement of status `ordered` that is found by no reference.
_ORDERED: Final = """
SELECT card_id, bulk_issuance_id, attempt, (body ->> 'stated')::bigint, fact_id FROM fact
WHERE (card_id = ANY ($1::text[]) OR bulk_issuance_id = ANY ($1::text[]))
  AND status = 'ordered' AND body -> 'references' IS NULL
"""


async def issuers_bindings(connection: asyncpg.Connection, names: Iterable[Reference]) -> Bindings:
    """Of every name its bindings, none where nothing was announced."""
    bindings: defaultdict[Reference, Held] = defaultdict(tuple)
    asked = list(names)
    if not asked:
        return {}
    values = [name.value for name in asked]
    for card_id, bulk_id in await connection.fetch(_ANNOUNCED, values):
        subject = card(card_id) if card_id is not None else bulk_issuance(bulk_id)
        bindings[issuers_name(subject)] += (by_announcement(subject),)
    for card_id, bulk_id, attempt, stated, fact_id in await connection.fetch(_ORDERED, values):
        subject = card(card_id) if card_id is not None else bulk_issuance(bulk_id)
        bindings[issuers_name(subject)] += (Binding(subject, attempt, stated, fact_id),)
    return {name: bindings[name] for name in asked}

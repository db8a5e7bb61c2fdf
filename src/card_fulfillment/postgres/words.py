"""Words that are stored or told in the database, and what they stand for."""

from collections.abc import Mapping
from typing import Final

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import Attribute, ParcelRole
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import SubjectKind
from card_fulfillment.domain.status import Reason, Status

CHANGE_CHANNEL: Final = "fulfillment_change"
"""Who inserts changes names their topics on this channel, in the same transaction.

With spaces between them; no name at all is news for everybody.
"""

ATTRIBUTES: Final[Mapping[str, Attribute]] = {a.value: a for a in Attribute}
NAMES: Final[Mapping[Attribute, str]] = {a: a.value for a in Attribute}
REASONS: Final[Mapping[str | None, Reason | None]] = {None: None} | {r.value: r for r in Reason}
EVIDENCE: Final[Mapping[str | None, Evidence | None]] = {None: None} | {
    e.value: e for e in Evidence
}
PRECISIONS: Final[Mapping[str, Precision]] = {p.value: p for p in Precision}
STATUSES: Final[Mapping[str, Status]] = {s.value: s for s in Status}
ROLES: Final[Mapping[str | None, ParcelRole | None]] = {None: None} | {
    r.value: r for r in ParcelRole
}
KINDS: Final[Mapping[str, SubjectKind]] = {k.value: k for k in SubjectKind}
OUTCOMES: Final[Mapping[str, FactOutcome]] = {o.value: o for o in FactOutcome}

"""Whom statements are about, and what issuer, vendors and carriers call them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from card_fulfillment.domain.value import Value


class SubjectKind(StrEnum):
    CARD = "card"
    BULK_ISSUANCE = "bulk_issuance"


class Subject(Value):
    """Whom a fact is about."""

    __match_args__ = ("kind", "id")

    def __init__(self, kind: SubjectKind, id: str) -> None:  # noqa: A002 - a field
        self.kind: Final = kind
        self.id: Final = id
        self._hash: Final = hash((kind, id))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Subject) and self.id == other.id and self.kind == other.kind
        )

    def __hash__(self) -> int:
        return self._hash


def card(card_id: str) -> Subject:
    return Subject(SubjectKind.CARD, card_id)


def bulk_issuance(bulk_issuance_id: str) -> Subject:
    return Subject(SubjectKind.BULK_ISSUANCE, bulk_issuance_id)


class Role(StrEnum):
    """What a vendor is to a card. A carrier is never the vendor that was ordered."""

    ISSUER = "issuer"
    BUREAU = "bureau"
    AGGREGATOR = "aggregator"
    CARRIER = "carrier"


# References are layered: 0 is what an embossing request binds, then by the vendor's role and, in a
# vendor, by the order of its kinds. A fact binds only layers above its own: nothing keeps itself
# alive.
KINDS_PER_VENDOR: Final = 16
_ROLE_LEVEL: Mapping[Role, int] = {
    Role.ISSUER: 0,
    Role.BUREAU: 0,
    Role.AGGREGATOR: 1,
    Role.CARRIER: 2,
}


def reference_level(role: Role, kind_index: int) -> int:
    """The layer of a vendor's reference kind; `kind_index` is its place in the profile, from 0."""
    return _ROLE_LEVEL[role] * KINDS_PER_VENDOR + kind_index


class Reference(Value):
    """A vendor's name for a subject, for example ("meridian", "issuer_ref", "emb-1")."""

    __match_args__ = ("vendor", "kind", "value")

    def __init__(self, vendor: str, kind: str, value: str) -> None:
        self.vendor: Final = vendor
        self.kind: Final = kind
        self.value: Final = value
        self._hash: Final = hash((vendor, kind, value))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Reference)
            and self.value == other.value
            and self.kind == other.kind
            and self.vendor == other.vendor
        )

    def __lt__(self, other: "Reference") -> bool:
        return self.values() < other.values()

    def __hash__(self) -> int:
        return self._hash

    def values(self) -> tuple[str, str, str]:
        return self.vendor, self.kind, self.value


OWN_KIND: Final = "id"
# The issuer speaks of its own cards and bulks by their own ids.
ISSUER: Final = "issuer"


def own_reference(vendor: str, subject_id: str) -> Reference:
    """What an embossing request binds beside the references it lists: the subject's own id."""
    return Reference(vendor, OWN_KIND, subject_id)


def issuers_name(subject: Subject) -> Reference:
    """What the issuer itself calls a card or a bulk."""
    return Reference(ISSUER, OWN_KIND, subject.id)


def is_issuers_name(reference: Reference) -> bool:
    return reference.vendor == ISSUER and reference.kind == OWN_KIND

"""Parcels of a card beside the one that brings it: on its way back, a replacement, a PIN letter."""

from collections.abc import Mapping
from typing import NamedTuple

from card_fulfillment.domain.claims import Claim, Entry, claim, key_of, later
from card_fulfillment.domain.facts import NOTHING, ParcelRole
from card_fulfillment.domain.registers import Registers, written


class SideParcel(NamedTuple):
    """claim: its own greatest fact. registers: its own, they are not the card's."""

    claim: Claim | None = None
    registers: Registers = NOTHING


SideParcels = Mapping[ParcelRole, SideParcel]


def with_fact(parcels: SideParcels, each: Entry) -> SideParcels:
    """The parcels after a fact of another role than outbound."""
    fact = each.fact
    parcel = parcels.get(each.parcel_role, SideParcel())
    new = None if fact.status is None else claim(key_of(fact, fact.status, each.attempt), fact)
    taken = SideParcel(later(parcel.claim, new), written(parcel.registers, each))
    return {**parcels, each.parcel_role: taken}

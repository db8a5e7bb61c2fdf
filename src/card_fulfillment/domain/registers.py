"""Attributes beside the status: each a register of its own, won by its last writer."""

from collections.abc import Mapping
from typing import NamedTuple

from card_fulfillment.domain.claims import Entry
from card_fulfillment.domain.facts import Attribute, AttributeValue


class Register(NamedTuple):
    """An attribute's last writer by (attempt, time, fact_id), and what it wrote."""

    attempt: int
    time: int
    fact_id: bytes
    value: AttributeValue


Registers = Mapping[Attribute, Register]


def written(registers: Registers, each: Entry) -> Registers:
    """The registers after a fact wrote those that it is the last writer of."""
    wins = won(registers, each)
    return {**registers, **wins} if wins else registers


def won(registers: Registers, each: Entry) -> Registers:
    """What a fact writes that no later one has written."""
    attributes = each.fact.attributes
    if not attributes:
        return {}
    stamp = (each.attempt, each.fact.effective, each.fact.fact_id)
    return {
        name: Register(*stamp, value)
        for name, value in attributes.items()
        if name not in registers or registers[name][:3] <= stamp
    }

"""Attributes beside the status: each a register of its own, won by its last writer."""

from typing import Final

from card_fulfillment.domain.claims import Entry
from card_fulfillment.domain.facts import Attribute, Attributes, AttributeValue
from card_fulfillment.domain.value import Value


class Register(Value):
    """An attribute's last writer by (attempt, time, fact_id), and what it wrote."""

    __match_args__ = ("attempt", "time", "fact_id", "value")

    def __init__(self, attempt: int, time: int, fact_id: bytes, value: AttributeValue) -> None:
        self.attempt: Final = attempt
        self.time: Final = time
        self.fact_id: Final = fact_id
        self.value: Final = value

    @property
    def stamp(self) -> tuple[int, int, bytes]:
        return self.attempt, self.time, self.fact_id


Registers = dict[Attribute, Register]


def written(registers: Registers, each: Entry) -> Registers:
    """The registers after a fact wrote those that it is the last writer of."""
    fact = each.fact
    if not fact.attributes:
        return registers
    attempt, time, fact_id = each.attempt, fact.effective, fact.fact_id
    wins = {
        name: Register(attempt, time, fact_id, value)
        for name, value in fact.attributes.items()
        if name not in registers or registers[name].stamp <= (attempt, time, fact_id)
    }
    return {**registers, **wins} if wins else registers


def shown_in(attempt: int, registers: Registers) -> Attributes:
    """What is told while a subject is in an attempt: that of others is kept, and not told."""
    return {name: each.value for name, each in registers.items() if each.attempt == attempt}


def tracked(shown: Attributes) -> bool | None:
    value = shown.get(Attribute.TRACKED)
    return value if isinstance(value, bool) else None

"""What a statement tells beside its status: attributes, each where it stands and how it is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from card_fulfillment.domain.facts import Attribute, AttributeValue
from card_fulfillment.vendors.language import Attributes, YesOrNo
from card_fulfillment.vendors.selectors import LONG, Scope, Text, Unfit, identifier, text, word
from card_fulfillment.vendors.times import Clocks, date_reader


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """How an attribute is read of an element, and what tags it in an identity (`token`).

    value: the vendor's text. means: what is stored for some of these texts.
    """

    attribute: Attribute
    token: str
    selector: str
    value: Text
    means: dict[str, AttributeValue] = field(default_factory=dict)


def compile_attributes(
    attributes: Attributes, levels: Sequence[str], known: Clocks
) -> tuple[AttributeReader, ...]:
    """Sort them by name: an identity must not hang on the order in a file."""
    return tuple(
        _compiled(attributes, name, levels, known)
        for name in sorted(Attribute)
        if getattr(attributes, name.value) is not None
    )


def _compiled(
    attributes: Attributes, name: Attribute, levels: Sequence[str], known: Clocks
) -> AttributeReader:
    token, field = f"\0a{name}\0=", getattr(attributes, name.value)
    selector: str = field if isinstance(field, str) else field.at
    match name:
        case Attribute.METHOD:
            return AttributeReader(name, token, selector, text(selector, levels))
        case Attribute.TRACKING_NUMBER:
            return AttributeReader(name, token, selector, identifier(selector, levels))
        case Attribute.CARRIER:
            return AttributeReader(name, token, selector, text(selector, levels), field.names)
        case Attribute.TRACKING_URL:
            return AttributeReader(name, token, selector, _url(selector, levels))
        case Attribute.ESTIMATED_DELIVERY:
            return AttributeReader(name, token, selector, date_reader(field, levels, known))
        case Attribute.TRACKED:
            return AttributeReader(name, token, selector, _either(field, levels), _yes_or_no(field))


def _url(selector: str, levels: Sequence[str]) -> Text:
    read = text(selector, levels, LONG)

    def read_url(scope: Scope) -> str | None:
        value = read(scope)
        if value is not None and not value.startswith(("https://", "http://")):
            raise Unfit(selector, "no http or https address")
        return value

    return read_url


def _yes_or_no(asked: YesOrNo) -> dict[str, AttributeValue]:
    no: dict[str, AttributeValue] = dict.fromkeys(asked.no, False)
    return no | dict.fromkeys(asked.yes, True)


def _either(asked: YesOrNo, levels: Sequence[str]) -> Text:
    read, known = word(asked.at, levels), _yes_or_no(asked)

    def read_either(scope: Scope) -> str | None:
        value = read(scope)
        if value is not None and value not in known:
            raise Unfit(asked.at, f"none of {', '.join(known)}")
        return value

    return read_either

"""Kinds of references, compiled: what a vendor calls cards, bulks and parcels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from card_fulfillment.domain.naming import OWN_KIND, Role, reference_level
from card_fulfillment.vendors.language import NamedReference, ProfileFile
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.selectors import Text, identifier, text

_PARCEL_ROLES = (Role.AGGREGATOR, Role.CARRIER)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reference and where its value stands. token: what tags it in an identity.

    parcel: whether it names a parcel.
    """

    vendor: str
    kind: str
    level: int
    token: str
    selector: str
    value: Text
    parcel: bool


def level_of(role: Role, kinds: Sequence[str], kind: str) -> int:
    """Return the layer of a reference kind; the subject's own id is of the lowest one."""
    if kind in kinds:
        return reference_level(role, kinds.index(kind))
    if kind == OWN_KIND:
        return 0
    raise ValueError(f"{kind!r} is none of reference_kinds ({', '.join(kinds)}){hint(kind, kinds)}")


def compile_kind(file: ProfileFile, kind: str, selector: str, levels: Sequence[str]) -> Kind:
    level = level_of(file.role, file.kinds, kind)
    read = (text if kind == OWN_KIND else identifier)(selector, levels)
    return Kind(file.vendor, kind, level, f"\0r{kind}\0=", selector, read, is_parcel(file, kind))


def is_parcel(file: ProfileFile, kind: str) -> bool:
    """Tell whether what is said by it of a bulk issuance is said of a parcel's cards alone."""
    said = next((each.parcel for each in file.reference_kinds if each.kind == kind), False)
    return file.role in _PARCEL_ROLES if said is None else said


def names_parcel(file: ProfileFile, name: NamedReference) -> bool:
    """Tell whether what a fact names so is a parcel, to which it gives its cards."""
    if name.parcel is not None:
        return name.parcel
    own = name.vendor in (None, file.vendor)
    return is_parcel(file, name.kind) if own else name.role in _PARCEL_ROLES


def compile_names(
    names: Iterable[NamedReference], file: ProfileFile, levels: Sequence[str], top: int
) -> tuple[Kind, ...]:
    return tuple(
        sorted((_named(each, file, levels, top) for each in names), key=lambda kind: kind.token)
    )


def _named(name: NamedReference, file: ProfileFile, levels: Sequence[str], top: int) -> Kind:
    vendor, own = name.vendor or file.vendor, name.vendor in (None, file.vendor)
    level = (
        level_of(file.role, file.kinds, name.kind)
        if name.role is None
        else reference_level(name.role, name.place)
    )
    if level <= top:
        raise ValueError(
            f"names {vendor}/{name.kind}, which is not above the references of the rule:"
            f" a statement binds only what is nearer to the carrier"
        )
    if own and level_of(file.role, file.kinds, name.kind) != level:
        raise ValueError(f"names {name.kind!r} with another role or place than this profile's")
    return Kind(
        vendor=vendor,
        kind=name.kind,
        level=level,
        token=f"\0n{vendor}\0{name.kind}\0=",
        selector=name.value,
        value=identifier(name.value, levels),
        parcel=names_parcel(file, name),
    )

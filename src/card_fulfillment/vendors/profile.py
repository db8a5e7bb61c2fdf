"""Profiles: one YAML file per vendor, validated and compiled when it is loaded."""

import pathlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

import orjson
from pydantic import ValidationError

from card_fulfillment.domain.naming import Role, reference_level
from card_fulfillment.messages.pan_guard import Path, Spared
from card_fulfillment.vendors.bodies import Body
from card_fulfillment.vendors.conditions import Asked, Holds, compile_conditions
from card_fulfillment.vendors.expectations import Example
from card_fulfillment.vendors.language import NamedReference, ProfileFile
from card_fulfillment.vendors.mistakes import Mistake, ProfileError, mistake, of_shape
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.paths import identifiers, parse
from card_fulfillment.vendors.placing import misplaced
from card_fulfillment.vendors.plug_ins import PlugIn, plug_in
from card_fulfillment.vendors.references import level_of
from card_fulfillment.vendors.rules import CompiledRule, compile_rule
from card_fulfillment.vendors.selectors import BUILT_IN
from card_fulfillment.vendors.shipping import ShippingMethod
from card_fulfillment.vendors.yaml_text import Location, Place, read


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Profile:
    """A compiled profile.

    path: of its file, as it was given.
    version: the declared version and a digest of what the file says; facts keep it.
    private: what must be masked before a payload is stored.
    identifiers: where references and tracking numbers stand, which may look like card numbers.
    plug_in: what reads its messages, where they are none of `body`.
    """

    path: str
    vendor: str
    role: Role
    version: str
    live_tracking: bool
    methods: Mapping[str, ShippingMethod]
    reference_kinds: tuple[str, ...]
    private: frozenset[Path]
    identifiers: frozenset[Path]
    body: Body
    plug_in: PlugIn | None
    asked: tuple[Asked, ...]
    conditions: tuple[Holds, ...]
    rules: tuple[CompiledRule, ...]
    source: ProfileFile

    @property
    def examples(self) -> list[Example]:
        return self.source.examples

    @property
    def spared(self) -> Spared:
        """What the guard against card numbers must know of its messages."""
        in_json = self.plug_in.in_json if self.plug_in is not None else None
        return Spared(self.identifiers, in_json=in_json)

    def tracked(
        self,
        method: str | None,
        requested: bool | None,  # noqa: FBT001 - the request's own word, not a switch
    ) -> bool | None:
        """Tell whether anyone scans the mail; the request knows best, then the method."""
        if requested is not None:
            return requested
        known = self.methods.get(method) if method is not None else None
        if known is not None and known.tracked is not None:
            return known.tracked
        return None if self.live_tracking else False

    def level(self, kind: str) -> int:
        """Return the layer of one of its reference kinds; ValueError for another."""
        return level_of(self.role, self.reference_kinds, kind)


def load_profile(path: pathlib.Path | Traversable) -> Profile:
    """Load and compile a file; ProfileError, with all that is wrong, where it is no profile."""
    name = str(path)
    try:
        document = read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError([Mistake(name, None, "", f"not readable: {error}")]) from None
    mistakes = [Mistake(name, slip.place, "", slip.message) for slip in document.slips]
    try:
        file = ProfileFile.model_validate(document.value)
    except ValidationError as error:
        if not mistakes or document.places:
            mistakes += of_shape(name, document, error)
        raise ProfileError(_in_order(mistakes)) from None
    mistakes += (mistake(name, document, at, message) for at, message in misplaced(file))
    if mistakes:
        raise ProfileError(_in_order(mistakes))
    return _profile(file, name)


def _in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: mistake.place or Place(0, 0))


def _profile(file: ProfileFile, name: str) -> Profile:
    when = compile_conditions(file.when, BUILT_IN)
    reads = plug_in(file.plug_in) if file.plug_in is not None else None
    return Profile(
        path=name,
        vendor=file.vendor,
        role=file.role,
        version=f"{file.version}-{_digest(file, reads)}",
        live_tracking=file.live_tracking,
        methods=MappingProxyType(file.methods),
        reference_kinds=tuple(file.kinds),
        private=frozenset(map(parse, file.private)),
        identifiers=identifiers(file.rules),
        body=file.body,
        plug_in=reads,
        asked=when.asked,
        conditions=when.holds,
        rules=tuple(compile_rule(rule, file) for rule in file.rules),
        source=file,
    )


def _digest(file: ProfileFile, reads: PlugIn | None) -> str:
    """Digest of what messages mean: comments, examples and working days make no other mapping."""
    meaning = file.model_dump(mode="json", exclude={"examples", "weekend", "holidays", "plug_in"})
    methods = {name: m.model_dump(exclude={"working_days"}) for name, m in file.methods.items()}
    meaning["methods"] = {name: m for name, m in methods.items() if set(m.values()) != {None}}
    if reads is not None:
        meaning["plug_in"] = [reads.name, reads.version]
    return blake2b(orjson.dumps(meaning), digest_size=4).hexdigest()


def load_profiles(
    directory: pathlib.Path | None = None, enabled: Collection[str] | None = None
) -> dict[str, Profile]:
    """Load the built-in profiles and the directory's (*.yaml), by vendor; the directory's win.

    enabled: the vendors wanted, null for all. ProfileError for one that has no profile, for two
    files of one vendor, and where two profiles disagree about a reference that one names.
    """
    mistakes: list[Mistake] = []
    profiles = _by_vendor(built_in(), mistakes)
    if directory is not None:
        profiles |= _by_vendor(files_of(directory), mistakes)
    mistakes += contradictions(profiles)
    if enabled is not None:
        missing = sorted(set(enabled) - set(profiles))
        mistakes += (_missing(vendor, profiles) for vendor in missing)
    if mistakes:
        raise ProfileError(mistakes)
    return {v: profile for v, profile in profiles.items() if enabled is None or v in enabled}


def built_in() -> list[pathlib.Path | Traversable]:
    """Return the files of the profiles that come with the worker."""
    return _profiles_among(files("card_fulfillment.vendors").joinpath("profiles").iterdir())


def files_of(directory: pathlib.Path) -> list[pathlib.Path | Traversable]:
    """Return the profile files of a directory, *.yaml and *.yml; ProfileError without one."""
    if not directory.is_dir():
        raise ProfileError([Mistake(str(directory), None, "", "no directory")])
    return _profiles_among(directory.iterdir())


def _profiles_among(
    paths: Iterable[pathlib.Path | Traversable],
) -> list[pathlib.Path | Traversable]:
    profiles = (path for path in paths if path.name.endswith((".yaml", ".yml")))
    return sorted(profiles, key=lambda path: path.name)


def _by_vendor(
    paths: Iterable[pathlib.Path | Traversable], mistakes: list[Mistake]
) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for path in paths:
        try:
            profile = load_profile(path)
        except ProfileError as error:
            mistakes += error.mistakes
            continue
        first = found.setdefault(profile.vendor, profile)
        if first is not profile:
            message = f"a second profile of {profile.vendor!r}, beside {first.path}"
            mistakes.append(Mistake(profile.path, None, "vendor", message))
    return found


def _missing(vendor: str, profiles: Iterable[str]) -> Mistake:
    return Mistake("vendors.enabled", None, "", f"no profile of {vendor}{hint(vendor, profiles)}")


def contradictions(profiles: Mapping[str, Profile]) -> list[Mistake]:
    """Both sides of a reference that one vendor registers for another must agree on its layer."""
    return [
        _contradiction(profile, ("rules", i, "facts", j, "names", k), name, other)
        for profile in profiles.values()
        for i, rule in enumerate(profile.source.rules)
        for j, fact in enumerate(rule.facts)
        for k, name in enumerate(fact.names)
        if (other := profiles.get(name.vendor or "")) and not _agree(other, name)
    ]


def _contradiction(profile: Profile, at: Location, name: NamedReference, other: Profile) -> Mistake:
    message = (
        f"names {name.vendor}/{name.kind} with a role or place"
        f" that is not that of {name.vendor}'s profile: {_place(other, name)}"
    )
    document = read(pathlib.Path(profile.path).read_text(encoding="utf-8"))
    return mistake(profile.path, document, at, message)


def _agree(other: Profile, name: NamedReference) -> bool:
    if name.role is None or name.kind not in other.reference_kinds:
        return False
    return other.level(name.kind) == reference_level(name.role, name.place)


def _place(other: Profile, name: NamedReference) -> str:
    """Say where the kind stands in the profile that has it."""
    kinds = other.reference_kinds
    if name.kind in kinds:
        return f"role {other.role}, place {list(kinds).index(name.kind)}"
    return f"its kinds are {', '.join(kinds)}{hint(name.kind, kinds)}"

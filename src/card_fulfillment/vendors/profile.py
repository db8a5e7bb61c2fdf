"""Profiles: one YAML file per vendor, validated and compiled when it is loaded."""

import pathlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.abc import Traversable
from importlib.resources import files
from types import MappingProxyType

import orjson
from pydantic import ValidationError

from card_fulfillment.domain.facts import Role
from card_fulfillment.vendors.language import Example, ProfileFile, ShippingMethod
from card_fulfillment.vendors.paths import Path, identifiers, parse
from card_fulfillment.vendors.rules import CompiledRule, compile_rule, level_of
from card_fulfillment.vendors.yaml_text import Located, Location, read

__all__ = ["Profile", "ProfileError", "ShippingMethod", "load_profile", "load_profiles"]


class ProfileError(ValueError):
    """A profile that cannot be used: one line per mistake, `file:line: field: what`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Profile:
    """A compiled profile.

    version: the declared version and a digest of what the file says; facts keep it.
    private: what must be masked before a payload is stored.
    identifiers: where references and tracking numbers stand, which may look like card numbers.
    """

    vendor: str
    role: Role
    version: str
    live_tracking: bool
    methods: Mapping[str, ShippingMethod]
    reference_kinds: tuple[str, ...]
    private: frozenset[Path]
    identifiers: frozenset[Path]
    rules: tuple[CompiledRule, ...]
    examples: tuple[Example, ...]

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
    """Load and compile a file; ProfileError where it is no profile."""
    try:
        document, lines = read(path.read_text(encoding="utf-8"))
    except Located as mistake:
        raise ProfileError(_line(path.name, mistake.line, (), str(mistake))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name}: not readable: {error}") from None
    try:
        file = ProfileFile.model_validate(document)
    except ValidationError as error:
        raise ProfileError(_mistakes(path.name, error, lines)) from None
    return _compile(file, path.name, lines)


def _compile(file: ProfileFile, name: str, lines: Mapping[Location, int]) -> Profile:
    return Profile(
        vendor=file.vendor,
        role=file.role,
        version=f"{file.version}-{_digest(file)}",
        live_tracking=file.live_tracking,
        methods=MappingProxyType(file.methods),
        reference_kinds=tuple(file.reference_kinds),
        private=frozenset(map(parse, file.private)),
        identifiers=identifiers(file.rules),
        rules=tuple(_rules(file, name, lines)),
        examples=tuple(file.examples),
    )


def _rules(file: ProfileFile, name: str, lines: Mapping[Location, int]) -> Iterable[CompiledRule]:
    for i, rule in enumerate(file.rules):
        try:
            yield compile_rule(rule, file)
        except ValueError as error:
            at = ("rules", i)
            raise ProfileError(_line(name, lines.get(at), at, str(error))) from None


def _digest(file: ProfileFile) -> str:
    """Digest of the meaning: neither comments nor examples make another mapping."""
    meaning = file.model_dump(mode="json", exclude={"examples"})
    return blake2b(orjson.dumps(meaning), digest_size=4).hexdigest()


def _mistakes(name: str, error: ValidationError, lines: Mapping[Location, int]) -> str:
    found = error.errors(include_input=False, include_url=False)
    return "\n".join(
        _line(name, _nearest(e["loc"], lines), e["loc"], e["msg"].removeprefix("Value error, "))
        for e in found
    )


def _nearest(at: Location, lines: Mapping[Location, int]) -> int | None:
    """Find the line of the value or, where it is missing, of the nearest thing around it."""
    while at and at not in lines:
        at = at[:-1]
    return lines.get(at)


def _line(name: str, line: int | None, at: Location, message: str) -> str:
    place = f"{name}:{line}" if line else name
    field = ".".join(map(str, at))
    return f"{place}: {field}: {message}" if field else f"{place}: {message}"


def load_profiles(
    directory: pathlib.Path | None = None, enabled: Collection[str] | None = None
) -> dict[str, Profile]:
    """Load the built-in profiles and the directory's (*.yaml), by vendor; the directory's win.

    enabled: the vendors wanted, null for all. ProfileError for one that has no profile, for two
    files of one vendor, and where two profiles disagree about a reference that one names.
    """
    profiles = _by_vendor(files("card_fulfillment.vendors").joinpath("profiles").iterdir())
    if directory is not None:
        if not directory.is_dir():
            raise ProfileError(f"{directory}: no directory")
        profiles |= _by_vendor(directory.iterdir())
    _check_names(profiles)
    return profiles if enabled is None else _chosen(profiles, enabled)


def _by_vendor(paths: Iterable[pathlib.Path | Traversable]) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for path in sorted(paths, key=lambda path: path.name):
        if path.name.endswith((".yaml", ".yml")):
            profile = load_profile(path)
            if profile.vendor in found:
                raise ProfileError(f"{path.name}: a second profile of {profile.vendor!r}")
            found[profile.vendor] = profile
    return found


def _chosen(profiles: Mapping[str, Profile], enabled: Collection[str]) -> dict[str, Profile]:
    missing = sorted(set(enabled) - set(profiles))
    if missing:
        raise ProfileError(f"no profile of {', '.join(missing)}")
    return {vendor: profile for vendor, profile in profiles.items() if vendor in enabled}


def _check_names(profiles: Mapping[str, Profile]) -> None:
    """Both sides of a reference that one vendor registers for another must agree on its layer."""
    named = (
        (profile, name)
        for profile in profiles.values()
        for rule in profile.rules
        for statement in rule.statements
        for name in statement.names
    )
    for profile, name in named:
        other = profiles.get(name.vendor)
        if other is not None and (
            name.kind not in other.reference_kinds or other.level(name.kind) != name.level
        ):
            raise ProfileError(
                f"{profile.vendor}: names {name.vendor}/{name.kind} with a role or place"
                f" that is not that of {name.vendor}'s profile"
            )

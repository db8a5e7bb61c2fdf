"""Whether profiles are valid, each and together, and what in them is probably not meant."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from card_fulfillment.onboarding.finding import Found
from card_fulfillment.vendors.advice import Advice, advice
from card_fulfillment.vendors.language import ProfileFile
from card_fulfillment.vendors.mistakes import Mistake, mistake
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.profile import Profile, built_in, contradictions, load_profile
from card_fulfillment.vendors.yaml_text import Location, read


@dataclass(frozen=True, slots=True)
class Checked:
    """profile: null where the file is none. warnings: of a valid one."""

    path: str
    profile: Profile | None
    mistakes: list[Mistake]
    warnings: list[Mistake]


def check_all(found: Sequence[Found]) -> list[Checked]:
    """Check profiles, and whether they contradict each other or those that are built in."""
    known = _together(found)
    disputes = [*contradictions(known), *_repeated(found)]
    return [
        Checked(
            each.path,
            each.profile,
            [*each.mistakes, *(m for m in disputes if m.file == each.path)],
            list(_warnings(each.profile, known)) if each.profile else [],
        )
        for each in found
    ]


def _together(found: Iterable[Found]) -> dict[str, Profile]:
    others = {profile.vendor: profile for profile in map(load_profile, built_in())}
    return others | {each.profile.vendor: each.profile for each in found if each.profile}


def _repeated(found: Iterable[Found]) -> Iterator[Mistake]:
    """Two files of one directory must not be of one vendor: with both no worker starts."""
    first: dict[tuple[Path, str], str] = {}
    for each in found:
        if each.profile is None:
            continue
        vendor = each.profile.vendor
        other = first.setdefault((Path(each.path).parent, vendor), each.path)
        if other != each.path:
            message = f"a second profile of {vendor!r}, beside {other}"
            yield Mistake(each.path, None, "vendor", message)


def _warnings(profile: Profile, known: Iterable[str]) -> Iterable[Mistake]:
    document = read(Path(profile.path).read_text(encoding="utf-8"))
    told = [*advice(profile.source), *_slips(profile.source, list(known))]
    return (mistake(profile.path, document, at, message) for at, message in told)


def _slips(file: ProfileFile, known: Sequence[str]) -> Iterator[Advice]:
    """Find other vendors that nobody knows, but for a slip: they may have no profile yet."""
    for i, rule in enumerate(file.rules):
        for j, fact in enumerate(rule.facts):
            for k, name in enumerate(fact.names):
                meant = "" if name.vendor in (None, *known) else hint(str(name.vendor), known)
                if meant:
                    at: Location = ("rules", i, "facts", j, "names", k, "vendor")
                    yield at, f"no profile of {name.vendor!r}{meant}"

"""Whether profiles are valid, each and together, and what in them is probably not meant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from card_fulfillment.onboarding.finding import Found
from card_fulfillment.vendors.advice import advice
from card_fulfillment.vendors.mistakes import Mistake, mistake
from card_fulfillment.vendors.profile import Profile, built_in, contradictions, load_profile
from card_fulfillment.vendors.yaml_text import read


@dataclass(frozen=True, slots=True)
class Checked:
    """profile: null where the file is none. warnings: of a valid one."""

    path: str
    profile: Profile | None
    mistakes: list[Mistake]
    warnings: list[Mistake]


def check_all(found: Sequence[Found]) -> list[Checked]:
    """Check profiles, and whether they contradict each other or those that are built in."""
    disputes = contradictions(_together(found))
    return [
        Checked(
            each.path,
            each.profile,
            [*each.mistakes, *(m for m in disputes if m.file == each.path)],
            list(_warnings(each.profile)) if each.profile else [],
        )
        for each in found
    ]


def _together(found: Iterable[Found]) -> dict[str, Profile]:
    others = {profile.vendor: profile for profile in map(load_profile, built_in())}
    return others | {each.profile.vendor: each.profile for each in found if each.profile}


def _warnings(profile: Profile) -> Iterable[Mistake]:
    document = read(Path(profile.path).read_text(encoding="utf-8"))
    return (mistake(profile.path, document, at, message) for at, message in advice(profile.source))

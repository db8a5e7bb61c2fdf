"""Which profiles a command is about: files, directories, or the vendors of the settings."""

from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from card_fulfillment.settings import Settings
from card_fulfillment.vendors.mistakes import Mistake, ProfileError
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.profile import Profile, built_in, files_of, load_profile


class Found(NamedTuple):
    """A file, its profile, null where it is none, and what is wrong with it."""

    path: str
    profile: Profile | None
    mistakes: tuple[Mistake, ...]


def look(paths: Sequence[Path], settings: Settings) -> list[Found]:
    """Load all profiles of files and directories; without any, those that the worker would."""
    if not paths:
        return _in_force(settings)
    files = [file for path in paths for file in (files_of(path) if path.is_dir() else [path])]
    return [_load(file) for file in files]


def choose(names: Sequence[str], settings: Settings) -> list[Profile]:
    """Load profiles by vendor or by file, all that there are without a name.

    Raises ProfileError for one that there is not, or that is none.
    """
    if not names:
        return [_usable(found) for found in _in_force(settings)]
    return [_one(name, settings) for name in names]


def _one(name: str, settings: Settings) -> Profile:
    if Path(name).suffix in (".yaml", ".yml"):
        return load_profile(Path(name))
    known = _in_force(settings)
    vendors = {found.profile.vendor: found.profile for found in known if found.profile}
    if name in vendors:
        return vendors[name]
    others = [mistake for found in known for mistake in found.mistakes]
    there_are = f" ({', '.join(vendors)})"
    missing = f"no profile of {name!r}" + (hint(name, vendors) or there_are)
    raise ProfileError([Mistake("PROFILE", None, "", missing), *others])


def _in_force(settings: Settings) -> list[Found]:
    """The files of the directory replace built-in ones of the same vendor."""
    directory = settings.vendors.directory
    own = [_load(path) for path in files_of(directory)] if directory else []
    replaced = {found.profile.vendor for found in own if found.profile}
    others = [_load(path) for path in built_in()]
    return [f for f in others if f.profile and f.profile.vendor not in replaced] + own


def _load(path: Path | Traversable) -> Found:
    try:
        return Found(str(path), load_profile(path), ())
    except ProfileError as error:
        return Found(str(path), None, error.mistakes)


def _usable(found: Found) -> Profile:
    if found.profile is None:
        raise ProfileError(found.mistakes)
    return found.profile

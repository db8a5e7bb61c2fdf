"""How long Hypothesis looks: `--hypothesis-profile=thorough` for a night, else seconds.

brief: for a second look, at the same tests on compiled modules.
"""

from typing import Final

from hypothesis import HealthCheck, settings

_SLOW: Final = (HealthCheck.too_slow, HealthCheck.data_too_large)


def register() -> None:
    settings.register_profile("brief", deadline=None, max_examples=25, suppress_health_check=_SLOW)
    settings.register_profile(
        "modest", deadline=None, max_examples=100, suppress_health_check=_SLOW
    )
    settings.register_profile(
        "thorough", deadline=None, max_examples=20_000, suppress_health_check=_SLOW
    )
    settings.load_profile("modest")

"""The examples of a vendor's profile, run: what differs, in sentences."""

from card_fulfillment.vendors.examples import try_examples
from card_fulfillment.vendors.profile import Profile


def check_examples(profile: Profile) -> list[str]:
    """One sentence per difference, none where all is as the examples say."""
    return [
        f"{profile.vendor}: {trial.example.name}: {difference}"
        for trial in try_examples(profile)
        for difference in trial.differences
    ]

"""The settings in effect, as the YAML file that would set them; secrets are left out."""

from urllib.parse import parse_qsl, urlencode

import yaml

from card_fulfillment.settings import Settings

_HIDDEN = "***"


def effective(settings: Settings) -> str:
    said = settings.model_dump(mode="json")
    said["postgres"]["dsn"] = redacted(settings.postgres.dsn.get_secret_value())
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def redacted(dsn: str) -> str:
    """The address without any password in it."""
    scheme, _, rest = dsn.partition("://")
    address, question, query = rest.partition("?")
    authority, slash, database = address.partition("/")
    user, at, hosts = authority.rpartition("@")
    name, colon, _ = user.partition(":")
    who = f"{name}{colon}{_HIDDEN if colon else ''}{at}"
    shown = [(k, _HIDDEN if "password" in k else v) for k, v in parse_qsl(query)]
    options = urlencode(shown, safe="*/")
    return f"{scheme}://{who}{hosts}{slash}{database}{question}{options}"

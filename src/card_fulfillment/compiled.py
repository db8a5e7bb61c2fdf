"""Whether the hot modules of this copy of the package are compiled (`make compiled`)."""

from typing import Final

from card_fulfillment.domain import journey

COMPILED: Final = not (journey.__file__ or "").endswith(".py")

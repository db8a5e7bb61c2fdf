"""Identities that can be computed again: digests of statements, UUIDs of what is published."""

from collections.abc import Sequence
from hashlib import blake2b, sha1
from typing import Final
from uuid import UUID

import orjson

# Never to change: every event_id ever published is below it.
NAMESPACE: Final = UUID("6f0d9a52-43c5-4a0e-9d0b-8a5b7f3c1e64")

_NOTHING: Final = blake2b(digest_size=16)
_SORTED: Final = orjson.OPT_SORT_KEYS
_SEEDED: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT: Final = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}


def digest(said: Sequence[object] | dict[str, object]) -> bytes:
    """16 bytes for a JSON value; the order of an object's members does not matter."""
    return digest_of(orjson.dumps(said, option=_SORTED))


def digest_of(data: bytes) -> bytes:
    """16 bytes of BLAKE2b. To copy the hash of nothing costs less than to make one."""
    hashed = _NOTHING.copy()
    hashed.update(data)
    return hashed.digest()


def uuid5(name: str) -> str:
    """UUIDv5 of the name in the product's namespace, as text; faster than the library's objects."""
    hashed = _SEEDED.copy()
    hashed.update(name.encode())
    h = hashed.hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"

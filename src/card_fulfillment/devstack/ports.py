"""Ports of the loopback interface that stay ours while a server is down."""

import os
import random
import socket
from typing import Final

from card_fulfillment.devstack.paths import DevstackError, cache_directory, try_lock

# Below the range from which Linux and macOS take the ports of outgoing connections, so that none
# of those can sit on a port while its server restarts.
_CANDIDATES: Final = range(20_000, 32_000)
_ATTEMPTS: Final = 200


class Port:
    """A port on 127.0.0.1 that no other embedded stack of this user takes until it is released."""

    def __init__(self, number: int, lock: int) -> None:
        self.number = number
        self._lock = lock

    def release(self) -> None:
        os.close(self._lock)


def reserve_port() -> Port:
    """Find a port on 127.0.0.1 that is free now; raises DevstackError when none is found."""
    directory = cache_directory() / "ports"
    directory.mkdir(exist_ok=True)
    for number in random.sample(_CANDIDATES, _ATTEMPTS):
        lock = try_lock(directory / str(number))
        if lock is not None and _is_free(number):
            return Port(number, lock)
        if lock is not None:
            os.close(lock)
    raise DevstackError("no free port on 127.0.0.1")


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True

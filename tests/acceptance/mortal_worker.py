"""A worker that dies without a word as soon as it reads a record with the bytes MORTAL_OF in it."""

import os
import signal
import sys

from card_fulfillment import __main__, wiring, worker
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Decoded
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology

_OF = os.environb[b"MORTAL_OF"]
_made = wiring.decoder


class _Mortal:
    def __init__(self, settings: Settings, known: Topology) -> None:
        self._decoder = _made(settings, known)
        self.refused = self._decoder.refused

    def __call__(self, record: Record) -> Decoded:
        if _OF in (record.value or b""):
            os.kill(os.getpid(), signal.SIGSEGV)
        return self._decoder(record)


if __name__ == "__main__":
    vars(worker)["decoder"] = _Mortal
    sys.argv[1:] = ["run"]
    __main__.main()

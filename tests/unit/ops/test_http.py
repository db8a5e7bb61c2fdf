"""The operator's port over a real socket."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import orjson
import pytest

from card_fulfillment.metrics import RECORDS, Meter
from card_fulfillment.ops.health import Health, Limits
from card_fulfillment.ops.http import USUAL_PORT, PortTaken, bound, operator_app, serving
from card_fulfillment.pipeline.relay import RelayState, RelayStatus

LOCAL = "127.0.0.1"


class Port(NamedTuple):
    number: int
    health: Health
    meter: Meter

    async def get(self, path: str) -> tuple[int, bytes]:
        """The status code and the body."""
        reader, writer = await asyncio.open_connection(LOCAL, self.number)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


@asynccontextmanager
async def opened() -> AsyncIterator[Port]:
    relays = {"events": RelayStatus(state=RelayState.PUBLISHING)}
    health, meter = Health(relays, Limits()), Meter()
    health.heard_of_group(0.0, joined=True, is_member=True)
    listener = bound(LOCAL, 0)
    assert listener is not None
    number = listener.getsockname()[1]
    async with serving(operator_app(health, meter, lambda: 0.0), listener):
        yield Port(number, health, meter)


async def test_a_healthy_worker_is_alive_and_ready() -> None:
    async with opened() as port:
        assert await port.get("/livez") == (200, b'{\n  "live": true,\n  "reasons": []\n}\n')
        code, body = await port.get("/readyz")
        assert (code, orjson.loads(body)["ready"]) == (200, True)


async def test_who_is_not_ready_says_why() -> None:
    async with opened() as port:
        port.health.raise_alarm("input_recreated", "card-created[3] has another record")
        code, body = await port.get("/readyz")
        assert code == 503
        assert orjson.loads(body)["reasons"] == [
            {"name": "input_recreated", "detail": "card-created[3] has another record"}
        ]
        assert (await port.get("/livez"))[0] == 200


async def test_metrics_are_in_the_format_of_prometheus() -> None:
    async with opened() as port:
        port.meter.count(RECORDS, "card-created", "applied", by=7)
        code, body = await port.get("/metrics")
        assert code == 200
        line = b'card_fulfillment_records_total{became="applied",topic="card-created"} 7.0'
        assert line in body.splitlines()


async def test_serving_leaves_the_signals_to_the_worker() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with opened() as port:
        await port.get("/livez")
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_client_that_never_ends_its_request_does_not_hold_the_stop_up() -> None:
    loop = asyncio.get_running_loop()
    async with opened() as port:
        reader, writer = await asyncio.open_connection(LOCAL, port.number)
        writer.write(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        await port.get("/livez")
        began = loop.time()
    assert loop.time() - began < 2
    writer.close()
    del reader


async def test_clients_that_hold_on_and_ask_nothing_keep_no_probe_out() -> None:
    """Else whoever reaches the port has the worker restarted, for it would not look alive."""
    async with opened() as port:
        held = [await asyncio.open_connection(LOCAL, port.number) for _ in range(200)]
        for _, writer in held[:100]:
            writer.write(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await port.get(path))[0] == 200
        assert await asyncio.wait_for(held[0][0].read(), 5) == b""  # the oldest made room
        newest, writer = held[-1]
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await newest.readline()).split()[1] == b"200"
        for _, each in held:
            each.close()


def test_a_port_that_is_taken_is_refused_where_it_was_asked_for() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(number)):
            bound(LOCAL, number)


def test_several_workers_of_one_machine_have_ports_of_their_own() -> None:
    sockets = [bound(LOCAL, "auto") for _ in range(3)]
    numbers = [each.getsockname()[1] for each in sockets if each]
    for each in sockets:
        if each:
            each.close()
    assert len(set(numbers)) == 3
    assert all(number == USUAL_PORT or number > 1024 for number in numbers)


def test_off_is_no_port_at_all() -> None:
    assert bound(LOCAL, "off") is None

"""What a worker answers on its port."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import psutil

from acceptance.worker_process import WorkerProcess


def port_of(worker: WorkerProcess) -> int | None:
    """Where it listens, once it does."""
    listening = psutil.Process(worker.pid).net_connections("tcp")
    return next((c.laddr.port for c in listening if c.status == psutil.CONN_LISTEN), None)


async def get(worker: WorkerProcess, path: str) -> tuple[int, bytes]:
    """The status code and the body; 0 while nobody answers."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(worker))
    except OSError:
        return 0, b"{}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def readiness(worker: WorkerProcess) -> tuple[int, dict[str, Any]]:
    code, body = await get(worker, "/readyz")
    return code, orjson.loads(body)


def is_ready(worker: WorkerProcess) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return (await readiness(worker))[0] == 200

    return ready


async def samples(worker: WorkerProcess) -> dict[str, float]:
    _, body = await get(worker, "/metrics")
    lines = (line.rpartition(" ") for line in body.decode().splitlines() if line[:1] != "#")
    return {name: float(value) for name, _, value in lines}

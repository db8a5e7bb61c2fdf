"""Access rights of the limited user, granted and taken away as the administrator."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from secured_kafka import LIMITED_USER

# The numbers are Kafka's.
_KINDS: Final = {"topic": 2, "group": 3, "transactional id": 5}
_OPERATIONS: Final = {"READ": 3, "WRITE": 4, "DESCRIBE_CONFIGS": 10}
_ANY: Final = 1
_LITERAL: Final = 3
_ALLOW: Final = 3
_PRINCIPAL: Final = f"User:{LIMITED_USER}"
_IN_FORCE_WITHIN: Final = 15.0


class Right(NamedTuple):
    """The operation on the resource of this kind and name."""

    kind: str
    name: str
    operation: str


async def grant(bootstrap: str, rights: Collection[Right]) -> None:
    """Return when they are in force."""
    async with _administrator(bootstrap) as admin:
        for right in rights:
            answer = await _send(admin, CreateAclsRequest(*_acl(right)))
            assert [each[0] for each in answer.creation_responses] == [0]
        await _until(admin, rights, granted=True)


async def revoke(bootstrap: str, right: Right) -> None:
    """Return when it is gone."""
    async with _administrator(bootstrap) as admin:
        answer = await _send(admin, DeleteAclsRequest(*_acl(right)))
        assert [each[0] for each in answer.filter_responses] == [0]
        await _until(admin, [right], granted=False)


def _acl(right: Right) -> tuple[Any, ...]:
    kind, operation = _KINDS[right.kind], _OPERATIONS[right.operation]
    return (kind, right.name, _LITERAL, _PRINCIPAL, "*", operation, _ALLOW)


async def _until(admin: AIOKafkaAdminClient, rights: Collection[Right], *, granted: bool) -> None:
    wanted = {(kind, name, operation) for kind, name, _, _, _, operation, _ in map(_acl, rights)}
    async with asyncio.timeout(_IN_FORCE_WITHIN):
        while len(wanted & await _in_force(admin)) != len(wanted) * granted:  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.01)


async def _in_force(admin: AIOKafkaAdminClient) -> set[tuple[int, str, int]]:
    everything = DescribeAclsRequest(_ANY, None, _ANY, _PRINCIPAL, None, _ANY, _ANY)  # type: ignore[arg-type] # null is anything
    return {
        (kind, name, operation)
        for kind, name, _, acls in (await _send(admin, everything)).resources
        for _, _, operation, _ in acls
    }


async def _send(admin: AIOKafkaAdminClient, request: Any) -> Any:  # noqa: ANN401 - aiokafka's
    return await admin._client.send(admin._client.get_random_node(), request)


@asynccontextmanager
async def _administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()

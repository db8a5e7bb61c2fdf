"""Which release of Kafka a broker is: it tells the newest metadata version that it supports."""

from io import BytesIO
from typing import Final

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from card_fulfillment.kafka.connection import ClientOptions

_FEATURE: Final = "metadata.version"
_FEATURES_TAG: Final = 0
# The first metadata version of each release, of Kafka's MetadataVersion.
_RELEASES: Final = {
    1: (3, 0),
    4: (3, 2),
    5: (3, 3),
    8: (3, 4),
    9: (3, 5),
    12: (3, 6),
    15: (3, 7),
    20: (3, 8),
    21: (3, 9),
    22: (4, 0),
    26: (4, 1),
}
NEWEST_KNOWN: Final = max(_RELEASES.values())

_Features = CompactArray(
    ("name", CompactString("utf-8")),
    ("min_version", Int16),
    ("max_version", Int16),
    ("tags", TaggedFields),
)


class _ApiVersionResponseV3(Response):
    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "api_versions",
            CompactArray(
                ("api_key", Int16),
                ("min_version", Int16),
                ("max_version", Int16),
                ("tags", TaggedFields),
            ),
        ),
        ("throttle_time_ms", Int32),
        ("tags", TaggedFields),
    )


class _ApiVersionRequestV3(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 18
    API_VERSION = 3
    RESPONSE_TYPE = _ApiVersionResponseV3
    SCHEMA = Schema(
        ("client_software_name", CompactString("utf-8")),
        ("client_software_version", CompactString("utf-8")),
        ("tags", TaggedFields),
    )

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> ResponseHeader_v0:
        """Of this response alone the header never became flexible: old clients read it too."""
        return ResponseHeader_v0.decode(read_buffer)


class _ApiVersionRequest(Request[_ApiVersionRequestV3]):
    API_KEY = 18
    ALLOW_UNKNOWN_API_VERSION = True

    def build(self, request_struct_class: type[_ApiVersionRequestV3]) -> _ApiVersionRequestV3:
        return request_struct_class("card-fulfillment", "1", {})

    def prepare(self, versions: dict[int, tuple[int, int]]) -> _ApiVersionRequestV3:  # noqa: ARG002 - aiokafka's
        return self.build(_ApiVersionRequestV3)


async def broker_release(options: ClientOptions) -> tuple[int, int] | None:
    """(3, 9) for 3.9.x; of a newer release the newest that is known, none where it does not tell.

    Raises KafkaError or OSError. Has no deadline of its own.
    """
    host, port, _ = collect_hosts(options["bootstrap_servers"])[0]
    more = {key: value for key, value in options.items() if key != "bootstrap_servers"}
    connection = await create_conn(host, port, **more)
    try:
        response = await connection.send(_ApiVersionRequest())
    finally:
        connection.close()
    return _release_of(response.tags.get(_FEATURES_TAG))


def _release_of(features: bytes | None) -> tuple[int, int] | None:
    if features is None:
        return None
    for name, _, newest, _ in _Features.decode(BytesIO(features)) or ():
        if name == _FEATURE:
            known = [release for first, release in _RELEASES.items() if first <= newest]
            return max(known, default=None)
    return None

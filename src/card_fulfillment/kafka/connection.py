"""What every Kafka client of the worker is made with, and why a broker turns one away."""

import ssl
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import Final, TypedDict

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from card_fulfillment.kafka.forgiving import read_any_header
from card_fulfillment.settings import KafkaSettings, SaslMechanism, SecurityProtocol

_NOT_ALLOWED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


class AccessRefused(PermissionError):
    """Kafka is there and does not let us in, or we do not trust it; the message says why."""


class ClientOptions(TypedDict):
    """Keyword arguments that aiokafka's producer, consumer and admin client have in common."""

    bootstrap_servers: str
    client_id: str
    request_timeout_ms: int
    security_protocol: SecurityProtocol
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: SaslMechanism
    sasl_plain_username: str | None
    sasl_plain_password: str | None


read_any_header()  # for all clients of the process: each gets its options here


@lru_cache(maxsize=8)  # the certificates are read once, at start, where an error stops the worker
def client_options(settings: KafkaSettings) -> ClientOptions:
    """Raises AccessRefused where a certificate or key cannot be used."""
    password = settings.sasl_password
    return ClientOptions(
        bootstrap_servers=settings.bootstrap_servers,
        client_id=settings.client_id,
        request_timeout_ms=settings.request_timeout // timedelta(milliseconds=1),
        security_protocol=settings.security_protocol,
        ssl_context=_ssl_context(settings) if settings.security_protocol.endswith("SSL") else None,
        sasl_mechanism=settings.sasl_mechanism,
        sasl_plain_username=settings.sasl_username,
        sasl_plain_password=password.get_secret_value() if password else None,
    )


def is_passing(error: BaseException) -> bool:
    """Whether Kafka may simply not be there yet."""
    return isinstance(error, KafkaError | OSError) and not isinstance(
        error, (AccessRefused, InvalidSessionTimeoutError, *_NOT_ALLOWED)
    )


def refusal(error: BaseException) -> str | None:
    """Say what Kafka refuses, where this is why; for a person."""
    if isinstance(error, InvalidSessionTimeoutError):
        return (
            "Kafka refuses kafka.session_timeout: brokers allow what lies between their "
            "group.min.session.timeout.ms (6 s) and group.max.session.timeout.ms (30 min)"
        )
    if isinstance(error, _NOT_ALLOWED):
        return f"Kafka does not allow it: {error}; see the list of access rights that it needs"
    return None


async def raise_refusal(options: ClientOptions) -> None:
    """Find out why no client could be started: aiokafka says no more than that none could.

    Raises AccessRefused where a broker answers and turns us away.
    """
    for host, port, _ in collect_hosts(options["bootstrap_servers"]):
        more = {key: value for key, value in options.items() if key != "bootstrap_servers"}
        try:
            with suppress(TimeoutError):
                connection = await create_conn(host, port, **more)
                connection.close()
        except (KafkaError, OSError) as error:
            if reason := _reason(error, options):
                raise AccessRefused(f"Kafka at {host}:{port} {reason}") from error


def _reason(error: BaseException, options: ClientOptions) -> str | None:
    match error:
        case UnsupportedSaslMechanismError():
            return f"does not take logins by {options['sasl_mechanism']}"
        case SaslAuthenticationFailed() | IllegalSaslStateError():
            user, mechanism = options["sasl_plain_username"], options["sasl_mechanism"]
            return f"refused the login of {user} by {mechanism}"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"and we agree on no TLS connection: {error.reason or error}"
        case KafkaConnectionError(__cause__=ssl.SSLError() as cause):
            return _reason(cause, options)
        case _:
            return None


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    password = settings.ssl_key_password
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        context.check_hostname = settings.ssl_check_hostname
        if settings.ssl_certificate_file is not None:
            context.load_cert_chain(
                settings.ssl_certificate_file,
                settings.ssl_key_file,
                "" if password is None else password.get_secret_value(),  # else OpenSSL asks for it
            )
    except OSError as error:
        raise AccessRefused(f"a certificate or key for Kafka cannot be used: {error}") from error
    return context

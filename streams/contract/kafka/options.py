"""How every client of Kafka connects: the brokers' addresses, TLS and the user, as the settings say."""

import ssl
from pathlib import Path
from typing import Any

from streams.contract.settings import BadSetting, Settings


def connection_options(settings: Settings) -> dict[str, Any]:
    """The arguments of aiokafka's clients that say where Kafka is and how to prove who connects.

    Raises:
        BadSetting: a certificate or a key cannot be read, or there is no user.
    """
    protocol = settings.kafka_security
    options: dict[str, Any] = {"bootstrap_servers": list(settings.broker), "security_protocol": protocol}
    if protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(settings)
    if protocol.startswith("SASL"):
        if not (settings.kafka_user and settings.kafka_password):
            raise BadSetting(
                f"SIGHTSTREAM_KAFKA_SECURITY={protocol} needs SIGHTSTREAM_KAFKA_USER and SIGHTSTREAM_KAFKA_PASSWORD"
            )
        options["sasl_mechanism"] = settings.kafka_sasl
        options["sasl_plain_username"] = settings.kafka_user
        options["sasl_plain_password"] = settings.kafka_password
    return options


def tls_context(settings: Settings) -> ssl.SSLContext:
    """What a client of Kafka trusts, and the certificate that it shows if a broker asks for one.

    Raises:
        BadSetting: a file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"SIGHTSTREAM_KAFKA_CA={settings.kafka_ca!r} cannot be read: {_reason(error)}") from None
    if settings.kafka_cert:
        key = settings.kafka_key or settings.kafka_cert
        try:
            Path(key).read_bytes()  # names the file; OpenSSL does not
            context.load_cert_chain(settings.kafka_cert, key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            pair = f"SIGHTSTREAM_KAFKA_CERT={settings.kafka_cert!r} with its key {key!r}"
            raise BadSetting(f"{pair} cannot be used: {_reason(error)}") from None
    return context


def _no_password() -> str:
    """Without it OpenSSL would ask a terminal for the password of a key that has one."""
    raise ValueError("the key has a password: give one without")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

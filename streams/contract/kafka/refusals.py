"""Why a broker and a client do not come together, in words: what is wrong, and what to check; never a secret."""

import errno
import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

# what OpenSSL says of a certificate: numbers of X509_V_ERR_... in its header x509_vfy.h
_TIMES = {9: "is not valid yet", 10: "has expired"}
_NAMES = {62, 63, 64}  # of a host, of a mail address, of an IP address


class NoKafka(KafkaConnectionError):  # type: ignore[misc]  # aiokafka has no types
    """What answers at an address is no Kafka."""


class Problem(NamedTuple):
    """Why a connection failed, as the end of a sentence that begins with the broker's address.

    ``lasts`` is whether people have to do something about it: a broker that is only away comes back.
    """

    text: str
    lasts: bool = True


def problem_of(error: BaseException, host: str, **options: Any) -> Problem:
    """What is wrong with a connection.

    Args:
        error: what it raised.
        host: as the client was told.
        options: those of the connection, named like the arguments of aiokafka's clients.
    """
    causes = [*_causes(error)]
    protocol = options.get("security_protocol", "PLAINTEXT")
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return Problem(_bad_certificate(each, host))
        if isinstance(each, ssl.SSLError) and "ALERT" in (each.reason or ""):
            alert = str(each.reason).split("ALERT_")[-1].replace("_", " ").lower()
            return Problem(
                f"does not accept the certificate of this process, or misses it ({alert}): check "
                "SIGHTSTREAM_KAFKA_CERT and SIGHTSTREAM_KAFKA_KEY"
            )
        if isinstance(each, SaslAuthenticationFailed):
            user = options.get("sasl_plain_username")
            return Problem(f"refuses the user {user!r}: check SIGHTSTREAM_KAFKA_USER and SIGHTSTREAM_KAFKA_PASSWORD")
        if isinstance(each, UnsupportedSaslMechanismError):
            mechanism = options.get("sasl_mechanism")
            return Problem(f"does not take {mechanism}: set SIGHTSTREAM_KAFKA_SASL to one of its enabled mechanisms")
        if isinstance(each, IllegalSaslStateError):
            return Problem(f"asks for no user here: SIGHTSTREAM_KAFKA_SECURITY={protocol} does not fit this port")
        if isinstance(each, NoKafka):
            return Problem("does not answer as Kafka does: check the port")
    if any(isinstance(each, ssl.SSLError | ConnectionResetError | EOFError) for each in causes):
        also = ", and whether it asks for a certificate (SIGHTSTREAM_KAFKA_CERT)" if protocol == "SSL" else ""
        check = f"check that this port is for SIGHTSTREAM_KAFKA_SECURITY={protocol}{also}"
        return Problem(f"closes connections at once: {check}", lasts=False)  # it may also start or stop just now
    return Problem(f"does not answer ({_reason(error)})", lasts=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _bad_certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code in _TIMES:
        time = _TIMES[error.verify_code]
        today = datetime.now(UTC).date()
        return f"shows a certificate that {time}: renew it there, or set the clock of this machine ({today})"
    if error.verify_code in _NAMES:
        return (
            f"shows a certificate that does not name {host!r}: use a name that it has, in SIGHTSTREAM_BROKER and in "
            "the brokers' advertised.listeners"
        )
    return (
        f"shows a certificate that is not trusted ({error.verify_message}): set SIGHTSTREAM_KAFKA_CA to the "
        "certificate of the authority that signed it"
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno and error.strerror:
        return os.strerror(error.errno) if error.errno in errno.errorcode else error.strerror  # asyncio's is longer
    return str(error) or type(error).__name__

"""What a failed connection is called, for each way in which it can fail."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import uvloop
from aiokafka.errors import IllegalSaslStateError, KafkaConnectionError, SaslAuthenticationFailed
from aiokafka.errors import UnsupportedSaslMechanismError as NoSuchMechanism

from infra.local.own_certificate import OwnCertificate, own_certificate
from streams.contract.kafka.connections import NoConnection, check_connection
from streams.contract.kafka.refusals import Problem, problem_of
from streams.contract.settings import Settings

NAMES = ("127.0.0.1",)
PASSWORD = "opensesame-opensesame"
USER = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "gateway"}


@asynccontextmanager
async def tls_server(certificate: Path) -> AsyncIterator[int]:
    """The port of a server that shows this certificate, and closes each connection after the first bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def asking_server(certificate: Path, authority: Path) -> Iterator[int]:
    """The port of a server that asks for a certificate of this authority. It says why it closes, unlike asyncio's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # with later ones the client may not get to read it

    def refuse() -> None:
        with suppress(OSError):  # of the listener, at its end
            while True:
                client, _ = listener.accept()
                with suppress(ssl.SSLError), context.wrap_socket(client, server_side=True):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        Thread(target=refuse, daemon=True).start()
        yield listener.getsockname()[1]


async def line(port: int, **settings: str) -> str:
    """What a program says that connects to this port."""
    with pytest.raises(NoConnection) as raised:
        await check_connection(
            Settings(
                broker=(f"127.0.0.1:{port}",),
                kafka_user="gateway",
                kafka_password=PASSWORD,
                **settings,  # type: ignore[arg-type]
            )
        )
    said = str(raised.value)
    assert "\n" not in said
    assert PASSWORD not in said
    return said.removeprefix(f"Kafka at 127.0.0.1:{port} ")


@pytest.fixture
def own(tmp_path: Path) -> OwnCertificate:
    return own_certificate(tmp_path / "own", NAMES, "TMPDIR")


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])  # workers use the second one
def test_each_certificate_that_is_wrong_is_called_what_it_is(
    run: object, protocol: str, own: OwnCertificate, tmp_path: Path
) -> None:
    async def lines() -> list[str]:
        found = []
        now = datetime.now(UTC)
        expired = own_certificate(tmp_path / "old", NAMES, "TMPDIR", now - timedelta(days=400))
        too_new = own_certificate(tmp_path / "new", NAMES, "TMPDIR", now + timedelta(days=9))
        other_name = own_certificate(tmp_path / "name", ["kafka.local"], "TMPDIR")
        for shown, trusted in (
            (own, expired),
            (own, None),
            (expired, expired),
            (too_new, too_new),
            (other_name, other_name),
        ):
            async with tls_server(shown.certificate) as port:
                ca = str(trusted.authority) if trusted else ""
                found.append(await line(port, kafka_security=protocol, kafka_ca=ca))
        return found

    untrusted, unknown, expired, too_new, other_name = run(lines())  # type: ignore[operator]
    for each in (untrusted, unknown):
        assert each.startswith("shows a certificate that is not trusted (")
        assert each.endswith("set SIGHTSTREAM_KAFKA_CA to the certificate of the authority that signed it")
    assert expired.startswith("shows a certificate that has expired: renew it there, or set the clock")
    assert too_new.startswith("shows a certificate that is not valid yet: renew it there, or set the clock")
    assert other_name.startswith("shows a certificate that does not name '127.0.0.1': use a name that it has, in ")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_broker_that_does_not_accept_the_clients_certificate_is_told_from_others(
    run: object, own: OwnCertificate, tmp_path: Path
) -> None:
    async def lines() -> list[str]:
        other = own_certificate(tmp_path / "other", NAMES, "TMPDIR")
        with asking_server(own.certificate, own.authority) as port:
            return [
                await line(port, kafka_security="SSL", kafka_ca=str(own.authority), kafka_cert=certificate)
                for certificate in ("", str(other.certificate))
            ]

    for each in run(lines()):  # type: ignore[operator]
        assert each.startswith("does not accept the certificate of this process, or misses it (")
        assert each.endswith("check SIGHTSTREAM_KAFKA_CERT and SIGHTSTREAM_KAFKA_KEY")


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
async def test_a_port_that_speaks_tls_is_not_for_a_client_without_it(protocol: str, own: OwnCertificate) -> None:
    async with tls_server(own.certificate) as port:
        said = await line(port, kafka_security=protocol)
    assert said == f"closes connections at once: check that this port is for SIGHTSTREAM_KAFKA_SECURITY={protocol}"


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
async def test_a_port_that_speaks_no_tls_is_not_for_a_client_with_it(protocol: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        said = await line(server.sockets[0].getsockname()[1], kafka_security=protocol)
    assert said.startswith(
        f"closes connections at once: check that this port is for SIGHTSTREAM_KAFKA_SECURITY={protocol}"
    )


def test_what_a_broker_refuses_names_the_setting_to_check() -> None:
    refused = KafkaConnectionError("closed")
    refused.__cause__ = SaslAuthenticationFailed(f"wrong {PASSWORD}")
    said = [problem_of(each, "kafka", **USER) for each in (refused, NoSuchMechanism(), IllegalSaslStateError())]
    assert all(each.lasts for each in said)
    assert [each.text for each in said] == [
        "refuses the user 'gateway': check SIGHTSTREAM_KAFKA_USER and SIGHTSTREAM_KAFKA_PASSWORD",
        "does not take SCRAM-SHA-512: set SIGHTSTREAM_KAFKA_SASL to one of its enabled mechanisms",
        "asks for no user here: SIGHTSTREAM_KAFKA_SECURITY=SASL_SSL does not fit this port",
    ]


def test_a_broker_that_is_away_may_come_back() -> None:
    for error, text in (
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(),) * 2,
    ):
        expected = text if isinstance(text, str) else "TimeoutError"
        assert problem_of(error, "kafka") == Problem(f"does not answer ({expected})", lasts=False)

"""The headless client in front of a gateway with HTTPS."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.client.client import Client, Refused
from infra.client.trust import BadTrust, pinned, trusted
from infra.local.readiness import sample_picture
from tests.fakes.served_gateway import HttpsGateway, https_gateway

pytestmark = pytest.mark.timeout(20)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsGateway]:
    with https_gateway(tmp_path_factory.mktemp("tls"), "localhost") as gateway:
        yield gateway


def answered(url: str, trust: ssl.SSLContext | None) -> int:
    return asyncio.run(Client(url, sample_picture, trust=trust).run(5)).answered


def refusal(url: str, trust: ssl.SSLContext | None) -> str:
    with pytest.raises(Refused) as refused:
        answered(url, trust)
    return str(refused.value)


def test_whoever_trusts_the_authority_gets_answers(gateway: HttpsGateway) -> None:
    assert answered(f"wss://localhost:{gateway.port}/ws", trusted(gateway.own.authority)) == 1


def test_the_stacks_own_programs_know_the_gateway_by_its_file_whatever_its_address(gateway: HttpsGateway) -> None:
    assert answered(f"wss://127.0.0.1:{gateway.port}/ws", pinned(gateway.own.certificate)) == 1


def test_another_stacks_gateway_is_not_taken_for_the_own(gateway: HttpsGateway, tmp_path: Path) -> None:
    with https_gateway(tmp_path, "localhost") as other:
        assert "is not trusted" in refusal(f"wss://localhost:{gateway.port}/ws", pinned(other.own.certificate))


@pytest.mark.parametrize(
    ("address", "trusts", "why"),
    [
        (
            "wss://localhost",
            False,
            "is not trusted (self-signed certificate in certificate chain): name its authority",
        ),
        ("wss://127.0.0.1", True, "has another name (IP address mismatch"),
        ("ws://localhost", True, "is served with TLS: its address begins with https://"),
    ],
)
def test_what_is_wrong_with_tls_is_said_with_what_to_do(
    gateway: HttpsGateway, address: str, trusts: bool, why: str
) -> None:
    trust = trusted(gateway.own.authority if trusts else None)
    assert why in refusal(f"{address}:{gateway.port}/ws", trust)


def test_https_to_a_server_without_tls_is_said() -> None:
    async def plain() -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Refused) as refused:
                await Client(f"wss://127.0.0.1:{port}/ws", sample_picture, trust=trusted()).run(5)
            return str(refused.value)

    assert "its address begins with http://" in asyncio.run(plain())


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read (No such"), ("text", "has no certificate in PEM")]
)
def test_a_file_without_an_authority_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(BadTrust, match=str(path)) as error:
        trusted(path)
    assert why in str(error.value)

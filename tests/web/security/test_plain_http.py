"""Plain HTTP on a port that speaks TLS."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from infra.client.trust import trusted
from infra.local.own_certificate import own_certificate
from tests.fakes.served_gateway import HttpsGateway, https_gateway
from web.security.certificates import ServerCertificate
from web.security.plain_http import answer_to


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsGateway]:
    with https_gateway(tmp_path_factory.mktemp("tls"), "localhost") as gateway:
        yield gateway


@pytest.mark.parametrize("path", ["/", "/stats/abc?lang=de"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_forgets_https_is_sent_to_it(gateway: HttpsGateway, method: str, path: str) -> None:
    response = httpx2.request(method, f"http://localhost:{gateway.port}{path}")
    assert response.status_code == 307
    assert response.headers["location"] == f"https://localhost:{gateway.port}{path}"


def test_it_ends_at_the_page(gateway: HttpsGateway) -> None:
    trust = trusted(gateway.own.authority)
    response = httpx2.get(f"http://localhost:{gateway.port}/healthz", follow_redirects=True, verify=trust)
    assert response.json()["status"] == "ok"


@pytest.mark.parametrize(
    "request_without_start",
    [
        b" HTTP/1.1\r\n\r\n",
        b" HTTP/1.1\r\nHost: \r\n\r\n",
        b" HTTP/1.1\r\nHost: a@b\r\n\r\n",
        b" HTTP/1.1\r\nHost: a/../b\r\n\r\n",
        b" HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        b" HTTP/1.1\r\nHost: " + b"a" * 1000 + b"\r\n\r\n",
        b" HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"a b c\r\nHost: localhost\r\n\r\n",
        b"",
    ],
)
def test_a_request_without_a_sound_host_and_path_is_told_what_to_write(request_without_start: bytes) -> None:
    answer = answer_to(request_without_start).decode()
    assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "Location" not in answer
    assert "write https://" in answer


def test_nothing_but_the_address_gets_into_the_answer() -> None:
    answer = answer_to(b"a\rSet-Cookie:x HTTP/1.1\r\nHost: localhost\r\nLocation: evil.test\r\n\r\n").decode()
    assert "evil" not in answer
    assert "Set-Cookie" not in answer


def test_it_works_on_the_event_loop_of_python_itself_and_other_bytes_end_the_connection(tmp_path: Path) -> None:
    server = ServerCertificate(own_certificate(tmp_path, ["localhost"], "--data-dir").certificate)

    async def ask(request: bytes) -> bytes:
        listening = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=server.context)
        async with listening, asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1])
            writer.write(request)
            answer = await reader.read(1000)
            writer.close()
            return answer

    assert asyncio.run(ask(b"GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n")).startswith(b"HTTP/1.1 307")
    assert b"HTTP" not in asyncio.run(ask(b"nonsense, and a lot of it\r\n\r\n"))

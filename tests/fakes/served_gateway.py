"""A gateway on a port of this machine, without Kafka and worker, over HTTP or HTTPS."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from infra.local.own_certificate import OwnCertificate, own_certificate
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.security.certificates import ServerCertificate


@dataclass
class ServedGateway:
    """Its port, and the path of every request that came, in order."""

    port: int
    app: Starlette
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "path" in scope:
            self.asked.append(scope["path"])
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class HttpsGateway:
    """Its port, and the certificate that it made."""

    port: int
    own: OwnCertificate


@contextmanager
def served_gateway(certificate: ServerCertificate | None = None, **settings: Any) -> Iterator[ServedGateway]:
    """Serve a gateway with these settings on a free port until the context ends."""
    app = create_app(Settings(**settings), InstantBroker, EmptyStatsReader, certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    gateway = ServedGateway(listener.getsockname()[1], app)
    factory = (lambda *_: certificate.context) if certificate else None
    config = uvicorn.Config(gateway, log_config=None, timeout_graceful_shutdown=1, ssl_context_factory=factory)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the gateway did not start"
        time.sleep(0.01)
    try:
        yield gateway
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def https_gateway(folder: Path, *names: str) -> Iterator[HttpsGateway]:
    """The same over HTTPS, with a certificate for ``names`` that is made in ``folder``."""
    own = own_certificate(folder, names, "--data-dir")
    settings = {"tls_cert": str(own.certificate), "tls_ca": str(own.authority)}
    with served_gateway(ServerCertificate(own.certificate), **settings) as gateway:
        yield HttpsGateway(gateway.port, own)

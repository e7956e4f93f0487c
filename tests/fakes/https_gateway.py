"""A gateway over HTTPS, without Kafka and worker, with a certificate that it makes for itself."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from infra.local.own_certificate import OwnCertificate, own_certificate
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.security.certificates import ServerCertificate


@dataclass(frozen=True)
class HttpsGateway:
    """Where it answers, on loopback, and what it made."""

    port: int
    own: OwnCertificate
    server: ServerCertificate


@contextmanager
def https_gateway(folder: Path, *names: str) -> Iterator[HttpsGateway]:
    """Serve HTTPS on a free port of this machine, with a certificate for ``names``, until the context ends."""
    own = own_certificate(folder, names, "--data-dir")
    server = ServerCertificate(own.certificate)
    settings = Settings(tls_cert=str(own.certificate), tls_ca=str(own.authority))
    app = create_app(settings, InstantBroker, EmptyStatsReader, server)
    config = uvicorn.Config(
        app, log_config=None, timeout_graceful_shutdown=1, ssl_context_factory=lambda *_: server.context
    )
    running = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the gateway did not start"
        time.sleep(0.01)
    try:
        yield HttpsGateway(listener.getsockname()[1], own, server)
    finally:
        running.should_exit = True
        thread.join(timeout=10)

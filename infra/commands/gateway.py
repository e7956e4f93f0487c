"""``sightstream gateway``: the web server alone."""

from collections.abc import Callable
from typing import Any

import click

from infra.commands.edge import Command
from streams.contract.settings import Settings

PEM_FILE = click.Path(resolve_path=True)


def tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--tls-cert`` and ``--tls-key`` to a command."""
    certificate = click.option(
        "--tls-cert",
        type=PEM_FILE,
        metavar="FILE",
        show_default="SIGHTSTREAM_TLS_CERT, or none",
        help="Certificate to serve HTTPS with, a PEM file.",
    )
    key = click.option(
        "--tls-key",
        type=PEM_FILE,
        metavar="FILE",
        show_default="SIGHTSTREAM_TLS_KEY, or in the certificate's file",
        help="Its private key, a PEM file.",
    )
    return certificate(key(command))


def with_tls(settings: Settings, certificate: str | None, key: str | None) -> Settings:
    """The settings with the files of the options; a certificate comes with its own key."""
    if certificate is not None:
        return settings.replace(tls_cert=certificate, tls_key=key or "")
    return settings if key is None else settings.replace(tls_key=key)


@click.command(cls=Command, example="SIGHTSTREAM_BROKER=kafka:9092 sightstream gateway")
@click.option(
    "--root-path",
    show_default="SIGHTSTREAM_ROOT_PATH, or none",
    help="Path under which a proxy serves the page, such as /vision.",
)
@tls_options
def gateway(root_path: str | None, tls_cert: str | None, tls_key: str | None) -> None:
    """Serve the web page and the WebSocket alone, beside a Kafka and workers that run elsewhere.

    Its settings are variables: `sightstream settings` shows them.
    """
    import uvicorn

    from infra.local.ports import free_port
    from streams.contract.kafka.denials import DENIALS
    from streams.contract.kafka.options import connection_options
    from streams.contract.logs import configure
    from web.app import create_app
    from web.security.certificates import server_certificate

    settings = Settings.from_environ()
    if root_path is not None:
        settings = settings.replace(root_path=root_path)
    settings = with_tls(settings, tls_cert, tls_key)
    certificate = server_certificate(settings.tls_cert, settings.tls_key, settings.tls_ca)
    connection_options(settings)  # what is wrong with Kafka's files is said before anything starts
    port = free_port(settings.host, settings.port)  # where it is not, uvicorn would say so in a log line
    configure(settings)
    DENIALS.introduce("gateway", settings.kafka_user)
    uvicorn.run(
        create_app(settings, certificate=certificate),
        host=settings.host,
        port=port,
        ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
        access_log=False,
        proxy_headers=False,  # the application reads them itself, of named proxies only
        log_config=None,
        # larger than a frame may be: a frame that is too large gets an answer, and its socket stays open
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,  # JPEGs do not get smaller
        ws_ping_interval=settings.ping_s,
        ws_ping_timeout=settings.ping_s,
        timeout_graceful_shutdown=3,
    )

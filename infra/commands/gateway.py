"""``sightstream gateway``: the web server alone."""

import click

from infra.commands.edge import Command


@click.command(cls=Command, example="SIGHTSTREAM_BROKER=kafka:9092 sightstream gateway")
@click.option(
    "--root-path",
    show_default="SIGHTSTREAM_ROOT_PATH, or none",
    help="Path under which a proxy serves the page, such as /vision.",
)
def gateway(root_path: str | None) -> None:
    """Serve the web page and the WebSocket alone, beside a Kafka and workers that run elsewhere.

    Its settings are variables: `sightstream settings` shows them.
    """
    import uvicorn

    from infra.local.ports import free_port
    from streams.contract.logs import configure
    from streams.contract.settings import Settings
    from web.app import create_app

    settings = Settings.from_environ()
    if root_path is not None:
        settings = settings.replace(root_path=root_path)
    port = free_port(settings.host, settings.port)  # where it is not, uvicorn would say so in a log line
    configure(settings)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=port,
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

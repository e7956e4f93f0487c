"""``sightstream gateway``: the web server, on its own."""

import logging

import click


@click.command()
def gateway() -> None:
    """Serve the web page and the WebSocket; set up by SIGHTSTREAM_* variables."""
    import uvicorn

    from streams.settings import BadSetting, Settings
    from web.app import create_app

    try:
        settings = Settings.from_environ()
    except BadSetting as error:
        raise click.ClickException(str(error)) from error
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level=settings.log_level.lower(),
        ws_max_size=4 * settings.max_frame_bytes,  # up to there a frame that is too large gets an answer of its own
        ws_per_message_deflate=False,  # JPEGs do not get smaller
        ws_ping_interval=settings.ping_s,
        ws_ping_timeout=settings.ping_s,
        timeout_graceful_shutdown=3,
    )

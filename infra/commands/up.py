"""``sightstream up``: a whole stack with one command."""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from platformdirs import user_data_path
from rich.console import Console
from rich.logging import RichHandler

from infra.local.kafka.jars import JarsUnavailable
from infra.local.kafka.java import JavaMissing
from infra.local.kafka.ports import PortInUse
from infra.local.kafka.server import BrokerSilent
from infra.local.kafka.storage import BrokerFolderBroken, FolderInUse
from infra.local.ports import free_port
from infra.local.stack import PICTURE, Ready, Stack, StackFailed
from infra.local.topic_admin import TopicMismatch, TopicRefused, TopicsUnready
from streams.contract.settings import BadSetting, Settings

PLAIN = (
    BadSetting,
    BrokerFolderBroken,
    BrokerSilent,
    FolderInUse,
    JarsUnavailable,
    JavaMissing,
    PortInUse,
    StackFailed,
    TopicMismatch,
    TopicRefused,
    TopicsUnready,
)


@click.command()
@click.option(
    "--broker", default="local", show_default=True, help="local, or HOST:PORT[,HOST:PORT...] of your Kafka."
)
@click.option("--model", "models", multiple=True, help="Name or bundle folder; repeat to serve several.")
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Weights of the first model."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of the page; 0: a free one.  [default: SIGHTSTREAM_PORT, or 8000]",
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=user_data_path("sightstream"),
    show_default=True,
    help="Kafka's log and the processes' logs.",
)
def up(
    broker: str, models: tuple[str, ...], weights: Path | None, port: int | None, workers: int, data_dir: Path
) -> None:
    """Start a whole stack on this machine and keep it running until Ctrl-C."""
    console = Console(stderr=True)
    logging.basicConfig(
        level="WARNING", format="%(message)s", handlers=[RichHandler(console=console, show_path=False)]
    )
    try:
        settings = Settings.from_environ()
        settings = settings.replace(
            port=free_port(settings.host, settings.port if port is None else port),
            broker=settings.broker if broker == "local" else tuple(broker.split(",")),
            models=models or settings.models,
            weights=str(weights.resolve()) if weights else settings.weights,
            # set by nobody, it goes with the folder of this stack
            registry=data_dir.resolve() / "models" if settings.registry == Settings().registry else settings.registry,
        )
        with console.status("starting", spinner="dots") as status:
            stack = Stack(
                settings,
                data_dir.resolve(),
                local_broker=broker == "local",
                workers=workers,
                console=console,
                say=status.update,
            )

            def on_ready(ready: Ready) -> None:
                status.stop()
                picture = f"{PICTURE.name}: {ready.label} {ready.probability:.0%}, {ready.took_ms:.0f} ms"
                click.echo(f"ready {ready.url}  {picture}")
                console.print(
                    f"Kafka at {ready.broker}, logs in {stack.folder / 'logs'}, "
                    f"trained models in {settings.registry}; Ctrl-C stops everything"
                )

            asyncio.run(until_stopped(stack, on_ready))
    except (ExceptionGroup, *PLAIN) as error:
        if known := first_of(PLAIN, error):
            raise click.ClickException(str(known)) from error
        raise


async def until_stopped(stack: Stack, on_ready: Callable[[Ready], None]) -> None:
    """Run ``stack`` until SIGINT or SIGTERM."""
    running = asyncio.ensure_future(stack.run(on_ready))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def first_of(kinds: tuple[type[Exception], ...], error: BaseException) -> BaseException | None:
    """The first error of these kinds in ``error``, which may be a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := first_of(kinds, each))), None)
    return error if isinstance(error, kinds) else None

"""``sightstream up``: a whole stack with one command."""

import asyncio
import logging
from pathlib import Path

import click
from platformdirs import user_data_path
from rich.console import Console
from rich.logging import RichHandler

from infra.commands.edge import Command
from infra.commands.gateway import tls_options, with_tls
from infra.local.kafka.server import CLUSTER
from infra.local.own_addresses import is_loopback
from infra.local.ports import free_port
from infra.local.readiness import PICTURE
from infra.local.stack import START_BYTES, Ready, Stack
from models.picture_folder import shown
from models.storage import check_folder
from streams.contract.settings import Settings
from web.security.certificates import server_certificate

GUIDE = "infra/deploy/https.md"


def number_of_brokers(context: click.Context, option: click.Parameter, value: int | None) -> int | None:
    """Refuses a number of nodes that no local Kafka has."""
    if value not in (None, 1, CLUSTER):
        raise click.BadParameter(f"Kafka has 1 node, or {CLUSTER} that go on without one of them, and not {value}")
    return value


@click.command(cls=Command, example="sightstream up --model efficientnet_lite0 --model ./cups")
@click.option(
    "--broker", default="local", help="Where Kafka is: local starts one here, HOST:PORT[,HOST:PORT...] uses yours."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    show_default="SIGHTSTREAM_MODELS, or efficientnet_lite2",
    help="A published network or a bundle folder (./NAME if both); repeat to serve several.",
)
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default="the published weights",
    help="A file of Keras weights for the first model, if it is inception_v3.",
)
@click.option("--host", show_default="SIGHTSTREAM_HOST, or 127.0.0.1", help="Address that the page is served on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    show_default="SIGHTSTREAM_PORT, or 8000",
    help="Port of the page; 0: a free one.",
)
@click.option(
    "--root-path",
    show_default="SIGHTSTREAM_ROOT_PATH, or none",
    help="Path under which a proxy serves the page, such as /vision.",
)
@tls_options
@click.option(
    "--no-tls", is_flag=True, help="Serve plain HTTP, also to other devices; their browsers then give no camera."
)
@click.option(
    "--brokers",
    type=click.IntRange(1),
    callback=number_of_brokers,
    show_default="1",
    help="How many nodes Kafka has: 1, or 3, of which one can be away.",
)
@click.option(
    "--secure",
    is_flag=True,
    help="Let only known users use Kafka, over TLS, each with no more rights than it needs.",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="How many worker processes run the models.")
@click.option(
    "--gateways",
    type=click.IntRange(1),
    default=1,
    help="How many web servers; the first has --port, the others have ports of their own.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=user_data_path("sightstream"),
    help="Folder for Kafka's data, the logs and the trained models.",
)
def up(
    broker: str,
    models: tuple[str, ...],
    weights: Path | None,
    host: str | None,
    port: int | None,
    root_path: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    no_tls: bool,
    brokers: int | None,
    secure: bool,
    workers: int,
    gateways: int,
    data_dir: Path,
) -> None:
    """Start a whole stack on this machine: Kafka, workers and gateways with the web page.

    It prints the address of the page, one for each gateway, and runs until Ctrl-C. With a --host that other devices
    reach, such as 0.0.0.0, the page is served over HTTPS, because browsers give a camera to no other page. Without
    --tls-cert, the stack makes a certificate of its own.
    """
    if no_tls and (tls_cert or tls_key):
        raise click.UsageError("--no-tls and a certificate exclude each other: leave out one of them")
    if brokers and broker != "local":
        raise click.UsageError(
            "--brokers starts a local Kafka, and --broker uses an existing one: give only one of them"
        )
    if secure and broker != "local":
        raise click.UsageError(
            "--secure is for the Kafka that this command starts: for another one, set SIGHTSTREAM_KAFKA_SECURITY"
        )
    check_folder(data_dir, "--data-dir", START_BYTES)
    console = Console(stderr=True)
    # elsewhere than in a terminal, rich would break paths at 80 characters
    handler = RichHandler(console=console, show_path=False) if console.is_terminal else logging.StreamHandler()
    logging.basicConfig(level="WARNING", format="%(message)s", handlers=[handler])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors are raised, too
    settings = Settings.from_environ()
    settings = settings.replace(
        host=settings.host if host is None else host,
        broker=settings.broker if broker == "local" else broker,
        root_path=settings.root_path if root_path is None else root_path,
        models=models or settings.models,
        weights=str(weights.resolve()) if weights else settings.weights,
    )
    # a registry that is not set is a part of this stack's folder
    settings = settings.with_defaults(registry=data_dir.resolve() / "models")
    settings = with_tls(settings, tls_cert, tls_key)
    if no_tls:
        settings = settings.replace(tls_cert="", tls_key="", tls_ca="")
    # what is wrong with the files is said before anything starts
    server_certificate(settings.tls_cert, settings.tls_key, settings.tls_ca)
    settings = settings.replace(port=free_port(settings.host, settings.port if port is None else port))
    with console.status("starting", spinner="dots") as status:
        stack = Stack(
            settings,
            data_dir.resolve(),
            brokers=(brokers or 1) if broker == "local" else 0,
            workers=workers,
            gateways=gateways,
            secure=secure,
            makes_certificate=not (no_tls or settings.tls_cert or is_loopback(settings.host)),
            console=console,
            report_progress=status.update,
        )

        def on_ready(ready: Ready) -> None:
            status.stop()
            answer = ready.answer
            picture = f"{PICTURE.name}: {answer.label} {answer.probability:.0%}, {answer.took_ms:.0f} ms"
            click.echo(f"ready {' '.join(ready.urls)}  {picture}")
            line = (
                f"Kafka at {ready.brokers}, logs in {stack.folder / 'logs'}, "
                f"trained models in {settings.registry}; Ctrl-C stops everything"
            )
            console.print(shown(line), markup=False, soft_wrap=True)
            if stack.users:
                line = (
                    f"users of Kafka in {stack.users.folder}: a process that joins has one as SIGHTSTREAM_SECRETS_DIR"
                )
                console.print(shown(line), markup=False, soft_wrap=True)
            for line in remarks_on_tls(stack):
                console.print(line, markup=False, soft_wrap=True)

        asyncio.run(stack.run_until_signal(on_ready))


def remarks_on_tls(stack: Stack) -> list[str]:
    """What to know about the page on other devices, a line each."""
    page, own = stack.page_urls[0], stack.certificate
    if own:
        made = "has made" if own.is_new else "uses"
        return [
            f"on a phone in the same network, open {page} and accept the warning: this machine {made} a certificate "
            "of its own, which no browser knows",
            f"without a warning, and to install the page: open {page}/ca.crt once, see {GUIDE}; its fingerprint "
            f"(SHA-256) is {own.fingerprint}",
        ]
    if stack.settings.tls_cert or is_loopback(stack.settings.host):
        return []
    return [f"{page} is plain HTTP: other devices can send pictures and videos, but their browsers give no camera"]

"""`sightstream models`: keep trained models in the registry, and choose which versions are live."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from infra.commands.edge import Group, program
from infra.local.topic_admin import BrokerUnreachable
from models.bundle import BrokenBundle, Bundle
from models.catalog import configured_specs
from models.gate import Gate, read_labels
from models.networks import NETWORKS
from models.picture_folder import quoted, shown
from models.registry import BrokenRegistry, Promotion, Registry
from models.weights import imagenet_labels
from streams.contract.kafka import agreement
from streams.contract.kafka.connections import check_connection
from streams.contract.messages import AgreedModel, Agreement
from streams.contract.settings import Settings
from streams.contract.topics import MODELS

KAFKA_S = 15.0

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def not_empty(context: click.Context, argument: click.Parameter, text: str | None) -> str | None:
    """Refuses "", which a shell gives for a variable that is not set: it must not mean the newest, or all."""
    if text == "":
        raise click.BadParameter("it is empty; name one, or leave it out", context, argument)
    return text


VERSION = click.argument("version", required=False, callback=not_empty)


@dataclass
class Entry:
    """A line of `sightstream models list`. Its fields are the keys of the JSON."""

    name: str
    published: bool = False
    live: bool = False
    error: str = ""
    version: str | None = None
    network: str | None = None
    input_size: int | None = None
    classes: int | None = None
    added: str | None = None
    gate: dict[str, str] | None = None


@click.group(cls=Group, example="sightstream models promote cups")
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="SIGHTSTREAM_REGISTRY, or the folder that `sightstream up` uses",
    help="The registry: the folder that keeps the trained models.",
)
@click.pass_context
def models(context: click.Context, registry: Path | None) -> None:
    """Keep trained models, and choose which version of each is live: the one that answers.

    Running workers load a version that becomes live beside the old one, and lose no frame when they change to it.
    """
    context.obj = Registry(registry or Settings.from_environ().registry)


def command(registry: Registry, *arguments: str) -> str:
    """What to type for another command on the same registry."""
    group = click.get_current_context().parent
    elsewhere = ["--registry", quoted(registry.folder)] if group and group.params["registry"] else []
    return " ".join([program(), "models", *elsewhere, *arguments])


@models.command("list", example="sightstream models list")
@AS_JSON
@click.pass_obj
def list_models(registry: Registry, as_json: bool) -> None:
    """Show the published networks, and the versions of each trained model, the newest first."""
    trained = [*trained_entries(registry)]
    entries = [*published_entries(), *trained]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in entries], indent=1, ensure_ascii=False))
        return
    table = Table("model", "version", "state", "network", "input, pixels", "classes", "added", "gate")
    for each in entries:
        state = each.error or ("live" if each.live else "published" if each.published else "")
        cells = (each.version, state, each.network, each.input_size, each.classes, each.added)
        gate = f"{each.gate['answer']} ({each.gate['network']})" if each.gate else ""
        table.add_row(each.name, *(str(value or "") for value in cells), gate)
    Console(width=150, soft_wrap=True).print(table)
    if not trained:
        click.echo(f"No trained models in {shown(registry.folder)}; to add one: {command(registry, 'add', 'BUNDLE')}")


@models.command(example="sightstream models add cups --name house-cups")
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", show_default="the bundle's own name", help="The name under which the model is served.")
@AS_JSON
@click.pass_obj
def add(registry: Registry, bundle: Path, name: str | None, as_json: bool) -> None:
    """Copy a trained model into the registry, without a change of what is served.

    BUNDLE is a bundle folder, as `sightstream train` writes it.
    """
    name = name or Bundle.open(bundle).name
    version = registry.add(bundle, name)
    sentence = f"{name} {version} is in the registry; to serve it: {command(registry, 'promote', name, version)}"
    show({"name": name, "version": version}, as_json, sentence)


@models.command(example="sightstream models promote cups")
@click.argument("name")
@VERSION
@click.option(
    "--gate",
    metavar="NETWORK",
    show_default="none",
    help="A published network that first decides whether a picture is for this model.",
)
@click.option(
    "--gate-labels",
    metavar="LABELS",
    show_default="none",
    help="What is for this model: class indices of ImageNet, such as 151-268, or a file of its labels.",
)
@click.option(
    "--gate-answer",
    metavar="TEXT",
    show_default="none",
    help='The answer for all other pictures, such as "not a dog".',
)
@AS_JSON
@click.pass_obj
def promote(
    registry: Registry,
    name: str,
    version: str | None,
    gate: str | None,
    gate_labels: str | None,
    gate_answer: str | None,
    as_json: bool,
) -> None:
    """Make a version of a model live: running workers serve it within seconds.

    NAME is a model of `sightstream models list`, VERSION one of its versions, by default the newest. Without gate
    options the model answers for every picture.
    """
    parts = (gate, gate_labels, gate_answer)
    if any(parts) and not all(parts):
        raise click.UsageError("a gate is --gate, --gate-labels and --gate-answer together")
    before = Gate(gate, read_labels(gate_labels), gate_answer) if gate and gate_labels and gate_answer else None
    live = registry.promote(name, version or "", before)
    gated = f"; {gate} first decides whether a picture is for it" if gate else ""
    back = (
        f"; to take it back: {command(registry, 'rollback', name)}"
        if len(registry.promotions(name)) > 1 or name in NETWORKS
        else ""
    )
    show(described(name, live), as_json, f"{name} {live.version} is live{gated}{back}")


@models.command(example="sightstream models rollback cups")
@click.argument("name")
@AS_JSON
@click.pass_obj
def rollback(registry: Registry, name: str, as_json: bool) -> None:
    """Take the last promotion of the model NAME back: the version before it is live again."""
    live = registry.rollback(name)
    sentence = f"{name} {live.version} is live again" if live else f"the published network {name} is served again"
    show(described(name, live), as_json, sentence)


@models.command(example="sightstream models remove cups")
@click.argument("name")
@VERSION
@AS_JSON
@click.pass_obj
def remove(registry: Registry, name: str, version: str | None, as_json: bool) -> None:
    """Delete the model NAME from the registry, or one VERSION of it.

    A version that is live cannot be deleted alone. Workers stop serving a model that is deleted.
    """
    registry.remove(name, version or "")
    removed = f"{name} {version}" if version else f"{name}, with all its versions,"
    show({"name": name, "version": version}, as_json, f"{removed} is removed from the registry")


@models.command(example="sightstream models serve efficientnet_lite0 cups")
@click.argument("names", metavar="MODEL...", nargs=-1, required=True)
@AS_JSON
@click.pass_obj
def serve(registry: Registry, names: Sequence[str], as_json: bool) -> None:
    """Let all running workers serve these models and no others, the first as the default.

    A MODEL is a published network, a bundle folder that all workers have, or a model that is live in the registry.
    Workers follow within seconds, and so do those that start later. SIGHTSTREAM_BROKER names the Kafka through which
    they agree, SIGHTSTREAM_POOL the pool of workers.
    """
    settings = Settings.from_environ()
    served = [served_model(registry, name) for name in names]
    asyncio.run(agree(settings, served))
    sentence = f"{', '.join(each.name for each in served)}: the workers serve this from now on"
    show({"models": [each.name for each in served], "pool": settings.pool}, as_json, sentence)


def served_model(registry: Registry, name: str) -> AgreedModel:
    """What workers need to know of a model to serve it. Raises UnknownModel and what `Bundle.open` raises."""
    if name in registry.names() and (live := registry.live(name)):
        return AgreedModel(name, name if name in NETWORKS else "", live.version)
    [(found, spec)] = configured_specs([name], registry=registry.folder).items()
    return AgreedModel(found, name if name in NETWORKS else str(Path(spec.model).absolute()))


async def agree(settings: Settings, served: list[AgreedModel]) -> None:
    """Write what the workers serve to Kafka. Raises BrokerUnreachable."""
    brokers = ",".join(settings.broker)
    try:
        async with asyncio.timeout(KAFKA_S):
            await check_connection(settings)
            before = await agreement.read(settings)
            configured = [*before.configured] if before else []
            await agreement.write(settings, Agreement(served, configured, "sightstream models serve"))
    except TimeoutError:
        raise BrokerUnreachable(
            f"no Kafka answers at {brokers} within {KAFKA_S:.0f} s, or it has no topic {MODELS}: check "
            "SIGHTSTREAM_BROKER"
        ) from None
    except KafkaError as error:
        raise BrokerUnreachable(f"Kafka at {brokers} cannot be used ({error}): check SIGHTSTREAM_BROKER") from error


def published_entries() -> Iterator[Entry]:
    """Yield the published networks. A worker serves one that its settings name and that nothing live replaces."""
    classes = len(imagenet_labels())
    for network in NETWORKS.values():
        yield Entry(
            network.name, published=True, network=network.name, input_size=network.input_size, classes=classes
        )


def trained_entries(registry: Registry) -> Iterator[Entry]:
    """Yield every version of every trained model. `error` says what is damaged."""
    for name in registry.names():
        live, error = None, ""
        try:
            live = registry.live(name)
        except BrokenRegistry as broken:
            error = str(broken)
        for version in registry.versions(name):
            folder = registry.path(name, version)
            added = time.strftime("%Y-%m-%d %H:%M", time.localtime(folder.stat().st_mtime))
            entry = Entry(name, version=version, added=added, error=error)
            if live and live.version == version:
                entry.live, entry.gate = True, live.gate.plain() if live.gate else None
            try:
                manifest = Bundle.open(folder).manifest
            except BrokenBundle as broken:
                entry.error = str(broken)
            else:
                entry.network, entry.input_size = manifest.network.name, manifest.network.input_size
                entry.classes = manifest.head.classes
            yield entry


def described(name: str, live: Promotion | None) -> dict[str, object]:
    """The live version of a model, as an object for JSON."""
    gate = live.gate if live else None
    return {"name": name, "version": live.version if live else None, "gate": gate.plain() if gate else None}


def show(result: dict[str, object], as_json: bool, sentence: str) -> None:
    """Print the result as JSON or as a sentence."""
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else sentence)

"""`sightstream models`: keep trained models in the registry, and choose which versions are live."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from infra.commands.edge import Group
from models.bundle import BrokenBundle, Bundle
from models.gate import Gate, read_labels
from models.networks import NETWORKS
from models.registry import BrokenRegistry, Promotion, Registry
from models.weights import imagenet_labels
from streams.contract.settings import Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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


@click.group(cls=Group)
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the registry.  [default: SIGHTSTREAM_REGISTRY, or the folder that `sightstream up` uses]",
)
@click.pass_context
def models(context: click.Context, registry: Path | None) -> None:
    """Keep trained models in the registry, and choose which are live.

    Running workers load a promoted version beside the old one and change to it between two batches.
    """
    context.obj = Registry(registry or Settings.from_environ().registry)


@models.command("list")
@AS_JSON
@click.pass_obj
def list_models(registry: Registry, as_json: bool) -> None:
    """Show the published networks, and the versions of each trained model, the newest first."""
    entries = [*published_entries(), *trained_entries(registry)]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in entries], indent=1, ensure_ascii=False))
        return
    table = Table("model", "version", "", "network", "input", "classes", "added", "gate")
    for each in entries:
        state = each.error or ("live" if each.live else "published" if each.published else "")
        shown = (each.version, state, each.network, each.input_size, each.classes, each.added)
        gate = f"{each.gate['answer']} ({each.gate['network']})" if each.gate else ""
        table.add_row(each.name, *(str(value or "") for value in shown), gate)
    Console(width=150, soft_wrap=True).print(table)


@models.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="The name under which it is served.  [default: the bundle's own name]")
@AS_JSON
@click.pass_obj
def add(registry: Registry, bundle: Path, name: str | None, as_json: bool) -> None:
    """Copy a bundle folder into the registry. This does not change what is served."""
    name = name or Bundle.open(bundle).name
    version = registry.add(bundle, name)
    show(
        {"name": name, "version": version},
        as_json,
        f"{name} {version} is in the registry; to serve it: sightstream models promote {name} {version}",
    )


@models.command()
@click.argument("name")
@click.argument("version", default="")
@click.option("--gate", help="A published network that first decides whether a picture is for this model.")
@click.option("--gate-labels", help="The labels that pass: ImageNet's class indices (151-268) or a file of labels.")
@click.option("--gate-answer", help='The answer for all other pictures, such as "not a dog".')
@AS_JSON
@click.pass_obj
def promote(
    registry: Registry,
    name: str,
    version: str,
    gate: str | None,
    gate_labels: str | None,
    gate_answer: str | None,
    as_json: bool,
) -> None:
    """Make a version live, by default the newest. Running workers serve it within seconds and lose no frame."""
    parts = (gate, gate_labels, gate_answer)
    if any(parts) and not all(parts):
        raise click.UsageError("a gate is --gate, --gate-labels and --gate-answer together")
    before = Gate(gate, read_labels(gate_labels), gate_answer) if gate and gate_labels and gate_answer else None
    live = registry.promote(name, version, before)
    show(described(name, live), as_json, f"{name} {live.version} is live" + (f", behind {gate}" if gate else ""))


@models.command()
@click.argument("name")
@AS_JSON
@click.pass_obj
def rollback(registry: Registry, name: str, as_json: bool) -> None:
    """Make the version that was live before the last promotion live again."""
    live = registry.rollback(name)
    show(described(name, live), as_json, f"{name} {live.version if live else 'as published'} is live again")


@models.command()
@click.argument("name")
@click.argument("version", default="")
@AS_JSON
@click.pass_obj
def remove(registry: Registry, name: str, version: str, as_json: bool) -> None:
    """Delete a version that is not live, or without VERSION the whole model. Workers then stop serving it."""
    registry.remove(name, version)
    show({"name": name, "version": version or None}, as_json, f"{name} {version}".strip() + " is removed")


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

"""``sightstream models``: the registry of trained models, and which of them are live."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from models.bundle import BrokenBundle, Bundle
from models.gate import Gate, read_labels
from models.networks import NETWORKS
from models.registry import PLAIN, BrokenRegistry, Promotion, Registry
from streams.contract.settings import BadSetting, Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    help="The registry's folder.  [default: SIGHTSTREAM_REGISTRY, or where `sightstream up` looks]",
)
@click.pass_context
def models(context: click.Context, registry: Path | None) -> None:
    """Keep trained models in the registry, and choose which are live.

    Running workers follow: what is promoted is loaded beside what serves, and takes its place between two batches.
    """
    with plainly():
        context.obj = Registry(registry or Settings.from_environ().registry)


@models.command("list")
@AS_JSON
@click.pass_obj
def list_models(registry: Registry, as_json: bool) -> None:
    """Show the published networks, and the versions of each trained model, the newest first."""
    entries = [*published_entries(), *trained_entries(registry)]
    if as_json:
        click.echo(json.dumps(entries, indent=1, ensure_ascii=False))
        return
    table = Table("model", "version", "", "network", "input", "classes", "added", "gate")
    for each in entries:
        state = each["error"] or ("live" if each["live"] else "published" if each["published"] else "")
        shown = (each["version"], state, each["network"], each["input_size"], each["classes"], each["added"])
        gate = each["gate"] and f"{each['gate']['answer']} ({each['gate']['network']})"
        table.add_row(each["name"], *(str(one or "") for one in shown), gate or "")
    Console(width=150, soft_wrap=True).print(table)


@models.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="What it is called and served as.  [default: the bundle's own name]")
@AS_JSON
@click.pass_obj
def add(registry: Registry, bundle: Path, name: str | None, as_json: bool) -> None:
    """Copy a bundle folder into the registry; nothing is served differently yet."""
    with plainly():
        name = name or Bundle.open(bundle).name
        version = registry.add(bundle, name)
    say(
        {"name": name, "version": version},
        as_json,
        f"{name} {version} is in the registry; to serve it: sightstream models promote {name} {version}",
    )


@models.command()
@click.argument("name")
@click.argument("version", default="")
@click.option("--gate", help="A published network that first says whether the picture is for this model at all.")
@click.option("--gate-labels", help="What the gate lets in: ImageNet's class indices (151-268) or a file of labels.")
@click.option("--gate-answer", help='The answer for all else, such as "not a dog".')
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
    """Make a version live, by default the newest. Running workers serve it within seconds, and lose no frame."""
    parts = (gate, gate_labels, gate_answer)
    if any(parts) and not all(parts):
        raise click.UsageError("a gate is --gate, --gate-labels and --gate-answer together")
    with plainly():
        behind = Gate(gate, read_labels(gate_labels), gate_answer) if gate and gate_labels and gate_answer else None
        live = registry.promote(name, version, behind)
    say(described(name, live), as_json, f"{name} {live.version} is live" + (f", behind {gate}" if gate else ""))


@models.command()
@click.argument("name")
@AS_JSON
@click.pass_obj
def rollback(registry: Registry, name: str, as_json: bool) -> None:
    """Make live what was live before the last promotion."""
    with plainly():
        live = registry.rollback(name)
    say(described(name, live), as_json, f"{name} {live.version if live else 'as published'} is live again")


@models.command()
@click.argument("name")
@click.argument("version", default="")
@AS_JSON
@click.pass_obj
def remove(registry: Registry, name: str, version: str, as_json: bool) -> None:
    """Delete a version that is not live, or without VERSION the whole model, which workers then withdraw."""
    with plainly():
        registry.remove(name, version)
    say({"name": name, "version": version or None}, as_json, f"{name} {version}".strip() + " is removed")


def published_entries() -> Iterator[dict[str, Any]]:
    """The published networks, served where `sightstream up --model` names them and nothing live has their name."""
    for network in NETWORKS.values():
        known = {"network": network.name, "input_size": network.input_size, "classes": 1000}
        yield entry(network.name, published=True, **known)


def trained_entries(registry: Registry) -> Iterator[dict[str, Any]]:
    """Every version of every trained model; one that is damaged says so in ``error``."""
    for name in registry.names():
        live, problem = None, ""
        try:
            live = registry.live(name)
        except BrokenRegistry as broken:
            problem = str(broken)
        for version in registry.versions(name):
            folder = registry.path(name, version)
            added = time.strftime("%Y-%m-%d %H:%M", time.localtime(folder.stat().st_mtime))
            is_live = live is not None and live.version == version
            found = entry(name, version=version, added=added, live=is_live, error=problem)
            if live and is_live and live.gate:
                found["gate"] = live.gate.plain()
            try:
                manifest = Bundle.open(folder).manifest
                found |= {"network": manifest.network.name, "input_size": manifest.network.input_size}
                found["classes"] = manifest.head.classes
            except BrokenBundle as broken:
                found["error"] = str(broken)
            yield found


def entry(name: str, **known: Any) -> dict[str, Any]:
    """A line of the list; what is not known of it is empty."""
    empty = {
        "published": False,
        "live": False,
        "error": "",
        "version": None,
        "network": None,
        "input_size": None,
        "classes": None,
        "added": None,
        "gate": None,
    }
    return {"name": name, **empty, **known}


def described(name: str, live: Promotion | None) -> dict[str, Any]:
    """What is live of a model, as an object for JSON."""
    gate = live.gate if live else None
    return {"name": name, "version": live.version if live else None, "gate": gate.plain() if gate else None}


def say(found: dict[str, Any], as_json: bool, words: str) -> None:
    """Print for programs or for people."""
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else words)


@contextmanager
def plainly() -> Iterator[None]:
    """Errors that have a name are one line to the person."""
    try:
        yield
    except (*PLAIN, BadSetting, OSError) as error:
        raise click.ClickException(str(error)) from error

"""``sightstream rehearse``: a promotion and its way back under load, tried on a stack of its own."""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from infra.client.client import Client
from infra.client.frame_counts import latency, total
from infra.client.media_source import MediaFrame
from infra.commands.bench import endless, started
from infra.local.ports import free_port
from models.bundle import Bundle
from models.registry import REGISTRY_ERRORS, Registry
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from web.messages import Labels

WARM_S = 8.0
SWAP_WITHIN_S = 180.0  # TensorFlow converts the network first, at low priority
LOOK_S = 0.05
LOST = (Outcome.FAILED, Outcome.UNKNOWN_MODEL)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answered frame: when its answer came, by the monotonic clock, and what it was."""

    at: float
    round_trip_ms: float
    version: str


@dataclass(slots=True)
class Book:
    """All answers, and when each part of the rehearsal began."""

    answers: list[Answer] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def note(self, _: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        """Take a client's answer."""
        self.answers.append(Answer(time.monotonic(), round_trip_ms, message.version))

    def begin(self, part: str) -> None:
        """What comes now is of this part."""
        self.parts[part] = time.monotonic()

    def figures(self) -> dict[str, dict[str, Any]]:
        """For each part its seconds, answers and latencies."""
        starts = [*self.parts.values(), time.monotonic()]
        found = {}
        for part, (start, end) in zip(self.parts, pairwise(starts), strict=True):
            trips = [each.round_trip_ms for each in self.answers if start <= each.at < end]
            found[part] = {"seconds": round(end - start, 1), "answered": len(trips), **latency(trips)}
        return found


@click.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--model", default="efficientnet_lite0", show_default=True, help="What is served before, and after the rollback."
)
@click.option("--sessions", default=4, show_default=True, type=click.IntRange(1))
@click.option(
    "--fps", default=10.0, show_default=True, type=click.FloatRange(0), help="Of each session; 0: all that it may."
)
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(2), help="Of each quiet part.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rehearse(bundle: Path, model: str, sessions: int, fps: float, seconds: float, as_json: bool) -> None:
    """Promote BUNDLE under load and roll it back, on a stack of its own; ends with 1 when a frame is lost."""
    try:
        report = asyncio.run(rehearsal(bundle, model, sessions, fps, seconds))
    except REGISTRY_ERRORS as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(report))
    else:
        show(report, Console())
    if report["lost"]:
        sys.exit(1)


async def rehearsal(bundle: Path, model: str, sessions: int, fps: float, seconds: float) -> dict[str, Any]:
    """The account of a promotion and a rollback."""
    version = Bundle.open(bundle).version
    settings = Settings.from_environ()
    settings = settings.replace(port=free_port(settings.host, 0), models=(model,))
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="sightstream-rehearse-") as folder, console.status("starting") as status:
        async with started(settings, Path(folder), say=status.update) as stack:
            registry = Registry(stack.settings.registry)
            registry.add(bundle, model)
            book = Book()
            clients = [
                Client(stack.websocket, endless, fps=fps or None, on_answer=book.note) for _ in range(sessions)
            ]
            running = asyncio.gather(*(each.run() for each in clients))
            await play(registry, model, version, book, seconds, status.update)
            for each in clients:
                each.finish()
            await running
    account = total([each.counts for each in clients])
    parts = book.figures()
    lost = account.expired + sum(account.dropped[reason] for reason in LOST)
    return {
        "model": model,
        "promoted": version,
        "sent": account.sent,
        "answered": account.answered,
        "dropped": dict(account.dropped),
        "expired": account.expired,
        "lost": lost + account.sent - account.answered - account.dropped.total() - account.expired,
        "versions": dict(Counter(each.version for each in book.answers)),
        "parts": parts,
        "p99_over_before": {
            part: round(figures["p99"] / parts["before"]["p99"], 2)
            for part, figures in parts.items()
            if part != "before" and figures["p99"]
        },
    }


async def play(
    registry: Registry,
    model: str,
    version: str,
    book: Book,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """Promote and roll back while the clients send, each part at least ``seconds`` long but the swaps."""

    async def swap(part: str, act: Callable[[], object], is_new: Callable[[Answer], bool]) -> None:
        begin(part)
        first = len(book.answers)
        act()
        await until(lambda: any(map(is_new, book.answers[first:])))
        await asyncio.sleep(1)  # the first second of the new one counts as the swap's
        begin(f"after {part}")
        await asyncio.sleep(seconds)

    def begin(part: str) -> None:
        say(part)
        book.begin(part)

    say("warming up")
    await asyncio.sleep(WARM_S)
    begin("before")
    await asyncio.sleep(seconds)
    await swap("promotion", lambda: registry.promote(model, version), lambda answer: answer.version == version)
    await swap("rollback", lambda: registry.rollback(model), lambda answer: answer.version != version)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that takes a while. Raises TimeoutError."""
    async with asyncio.timeout(SWAP_WITHIN_S):
        while not true():
            await asyncio.sleep(LOOK_S)


def show(report: dict[str, Any], console: Console) -> None:
    """What people read."""
    table = Table("", "seconds", "answered", "p50 ms", "p99 ms", "p99 / before")
    for part, each in report["parts"].items():
        ratio = report["p99_over_before"].get(part, "")
        table.add_row(part, *(str(each[key]) for key in ("seconds", "answered", "p50", "p99")), str(ratio))
    console.print(table)
    dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(report["dropped"].items())) or "0"
    console.print(
        f"{report['sent']} frames sent, {report['answered']} answered, dropped {dropped}, {report['expired']} expired"
    )
    console.print(f"lost: {report['lost']}; answers by version: {report['versions']}")

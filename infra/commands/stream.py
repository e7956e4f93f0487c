"""``sightstream stream``: what the webcam page does, without a browser."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from infra.client.client import Client
from infra.client.frame_counts import latency, total
from infra.client.gateway_url import websocket_url
from infra.client.media_source import MediaFrame, MediaSource, PresentView, UnansweredFrames, media_files
from infra.commands.edge import Command
from models.picture_folder import shown, some, utf8
from streams.contract.outcomes import Outcome
from web.messages import Dropped, Label, Labels

HOPELESS = (Outcome.TOO_LARGE, Outcome.UNREADABLE, Outcome.FAILED)  # the same frame would be dropped again


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The gateway's address.")
@click.option("--sessions", default=1, show_default=True, type=click.IntRange(1), help="How many at once.")
@click.option(
    "--fps",
    type=click.FloatRange(0.01),
    help="Frames a second of each session.  [default: as many as the credits allow]",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1), help="Start over until so long has passed.  [default: once through]"
)
@click.option("--model", default="", help="The model to ask for.  [default: the worker's first]")
@click.option("--once", is_flag=True, help="Send each picture, and each frame of a video, until it is answered once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end instead of labels.")
def stream(
    paths: tuple[Path, ...],
    url: str,
    sessions: int,
    fps: float | None,
    seconds: float | None,
    model: str,
    once: bool,
    as_json: bool,
) -> None:
    """Send pictures, videos and folders of them through a running stack, and show what comes back.

    A video is sent frame by frame, as fast as the answers come, or as --fps says. A file that cannot be read, or not
    to its end, is named, and the others are sent. The exit status is then 1.
    """
    try:
        files = media_files(paths, lambda remark: click.echo(remark, err=True))
    except OSError as error:
        raise click.ClickException(f"{shown(error.filename)} cannot be looked into: {error.strerror}") from error
    if not files:
        raise click.ClickException(f"no picture and no video in {', '.join(map(shown, paths))}")
    websocket = websocket_url(url)
    run = Run(files, once=once, loop=seconds is not None, show=not as_json)
    with suppress(KeyboardInterrupt):
        asyncio.run(run.all(websocket, sessions, seconds, model=model, fps=fps))
    report = run.report()
    click.echo(json.dumps(report) if as_json else summary(report), err=not as_json)
    for why in run.source.unreadable.values():
        click.echo(f"not sent: {shown(why)}", err=True)
    if waiting := run.source.not_reached:
        click.echo(f"not reached in this time: {len(waiting)} ({some(map(shown, waiting))})", err=True)
    if run.source.unreadable:
        sys.exit(1)


class Run:
    """Sessions that all send the same paths, or with ``once`` share them."""

    def __init__(self, paths: Sequence[Path], *, once: bool, loop: bool, show: bool) -> None:
        self.source = MediaSource(paths)
        self.unanswered = UnansweredFrames(self.source) if once else None
        self.loop = loop
        self.show = show
        self.clients: list[Client] = []
        self.top_labels: dict[str, Label] = {}  # by file
        self.seconds = 0.0
        self._last: Labels | None = None

    async def all(self, url: str, sessions: int, seconds: float | None, *, model: str, fps: float | None) -> None:
        """Run every session to its end.

        Raises:
            ExceptionGroup: with Refused, the gateway will not serve a session.
        """
        started = time.monotonic()
        self.clients = [
            Client(url, self._source(number), model, fps, on_answer=self._answered, on_drop=self._dropped)
            for number in range(sessions)
        ]
        try:
            async with asyncio.TaskGroup() as tasks:
                for client in self.clients:
                    tasks.create_task(client.run(seconds))
        finally:
            self.seconds = time.monotonic() - started

    def report(self) -> dict[str, Any]:
        """The outcomes of the whole run, for ``--json``."""
        whole = total([client.counts for client in self.clients])
        return {
            **whole.outcomes(),
            "fps": round(whole.answered / self.seconds, 2) if self.seconds else 0.0,
            "latency_ms": latency(whole.round_trips),
            "model": self._last.model if self._last else None,
            "version": self._last.version if self._last else None,
            "sessions": [
                {"id": each.session, **each.counts.report(), "labels": dict(each.counts.labels.most_common())}
                for each in self.clients
            ],
            "files": msgspec.to_builtins(self.top_labels),
        }

    def _source(self, number: int) -> Callable[[PresentView], AsyncIterator[MediaFrame]]:
        if self.unanswered:
            return self.unanswered.frames
        return lambda view: self.source.frames(view, first=number, loop=self.loop)

    def _answered(self, frame: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        top = message.labels[0]
        file = utf8(str(frame.path))
        before = self.top_labels.get(file)
        self.top_labels[file] = top
        self._last = message
        if self.unanswered:
            self.unanswered.done()
        if self.show and (before is None or before.label != top.label):
            click.echo(
                f"{shown(frame.path.name):32.32}  {top.label:28.28} {top.probability:6.1%}  {round_trip_ms:6.0f} ms"
            )

    def _dropped(self, frame: MediaFrame, message: Dropped) -> None:
        if self.unanswered and message.reason in HOPELESS:
            self.source.unreadable[frame.path] = f"{frame.path}: {message.message or message.reason}"
            self.unanswered.done()
        elif self.unanswered:
            self.unanswered.dropped(frame)
        if self.show and message.message:
            click.echo(f"{shown(frame.path.name):32.32}  dropped: {message.message}", err=True)


def summary(report: dict[str, Any]) -> str:
    """The report as one line for people."""
    drops = "".join(f", {count} {reason}" for reason, count in report["dropped"].items())
    p50, p99 = report["latency_ms"]["p50"], report["latency_ms"]["p99"]
    times = f"; {report['fps']:g} frames/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms" if p50 is not None else ""
    return f"sent {report['sent']}: {report['answered']} answered{drops}, {report['expired']} expired{times}"

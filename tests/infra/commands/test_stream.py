"""`sightstream stream`, from its arguments to its lines and its exit status."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click.testing
import pytest
from PIL import Image
from websockets.asyncio.server import ServerConnection

from infra.commands.stream import stream
from streams.contract.outcomes import Outcome, Stage
from tests.fakes.scripted_gateway import ScriptedGateway, serving
from tests.fakes.videos import quarters, write_video
from web.messages import Dropped, GatewayMessage, Label, Labels
from web.protocol import Upload


def answered(upload: Upload) -> Sequence[GatewayMessage]:
    return [Labels(upload.seq, [Label(0, "thing", 1.0)], "net", "1", 224, {})]


class ForSeveral(ScriptedGateway):
    """Answers each of its clients like a scripted gateway."""

    async def connect(self, socket: ServerConnection) -> None:
        await ScriptedGateway(self.answer).connect(socket)


@contextmanager
def running(gateway: ScriptedGateway) -> Iterator[ScriptedGateway]:
    """The gateway, served by another thread."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(gateway):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield gateway
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def run(gateway: ScriptedGateway, *arguments: object) -> click.testing.Result:
    return click.testing.CliRunner().invoke(stream, ["--url", gateway.url, *map(str, arguments)])


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A broken video between two pictures."""
    for name in ("a.jpg", "z.jpg"):
        quarters().save(tmp_path / name)
    (tmp_path / "no_video.mp4").write_bytes(b"hello" * 100)
    return tmp_path


@pytest.mark.parametrize("once", [[], ["--once"]])
def test_a_broken_video_among_pictures_is_one_line_and_the_pictures_are_answered(
    mixed: Path, once: list[str]
) -> None:
    with running(ScriptedGateway(answered)) as gateway:
        result = run(gateway, "--json", *once, mixed)
    assert result.exit_code == 1
    assert [*json.loads(result.stdout)["files"]] == [str(mixed / "a.jpg"), str(mixed / "z.jpg")]
    assert result.stderr.splitlines() == [f"not sent: {mixed / 'no_video.mp4'}: a text, not a video"]


@pytest.mark.parametrize("sessions", [1, 3])
def test_once_sends_each_frame_of_a_video_once_over_all_sessions(tmp_path: Path, sessions: int) -> None:
    film = write_video(tmp_path / "film.webm", frames=7)
    with running(ForSeveral(answered)) as gateway:
        result = run(gateway, "--json", "--once", "--sessions", sessions, film)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["answered"] == 7


def test_once_sends_a_frame_again_that_was_superseded(tmp_path: Path) -> None:
    def second_time(upload: Upload) -> Sequence[GatewayMessage]:
        if upload.seq == 1:
            return [Dropped(1, Outcome.SUPERSEDED, Stage.GATEWAY)]
        return answered(upload)

    film = write_video(tmp_path / "film.mp4", frames=3)
    with running(ScriptedGateway(second_time)) as gateway:
        report = json.loads(run(gateway, "--json", "--once", film).stdout)
    assert (report["sent"], report["answered"]) == (4, 3)


def test_the_summary_has_words_for_outcomes_and_json_has_their_codes(tmp_path: Path) -> None:
    def first_is_replaced(upload: Upload) -> Sequence[GatewayMessage]:
        if upload.seq == 1:
            return [Dropped(1, Outcome.SUPERSEDED, Stage.GATEWAY)]
        return answered(upload)

    film = write_video(tmp_path / "film.mp4", frames=3)
    with running(ScriptedGateway(first_is_replaced)) as gateway:
        told = run(gateway, film).stderr
    assert "sent 3 frames; answered: 2, replaced by a newer frame: 1; " in told
    with running(ScriptedGateway(first_is_replaced)) as gateway:
        assert json.loads(run(gateway, "--json", film).stdout)["dropped"] == {Outcome.SUPERSEDED: 1}


def test_once_names_what_is_dropped_for_good_and_ends(tmp_path: Path) -> None:
    def too_large(upload: Upload) -> Sequence[GatewayMessage]:
        return [Dropped(upload.seq, Outcome.TOO_LARGE, Stage.GATEWAY, "more than 1,000 bytes")]

    quarters().save(tmp_path / "a.png")
    with running(ScriptedGateway(too_large)) as gateway:
        result = run(gateway, "--json", "--once", tmp_path / "a.png")
    assert result.exit_code == 1
    assert f"not sent: {tmp_path / 'a.png'}: more than 1,000 bytes" in result.stderr


def test_a_missing_file_is_one_line_and_the_others_are_sent(mixed: Path) -> None:
    with running(ScriptedGateway(answered)) as gateway:
        result = run(gateway, "--json", mixed / "gone.mov", mixed / "a.jpg")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["answered"] == 1
    assert result.stderr.splitlines() == [f"not sent: {mixed / 'gone.mov'}: No such file or directory"]


def test_what_is_neither_picture_nor_video_is_named(mixed: Path) -> None:
    (mixed / "notes.txt").write_text("about videos")
    (mixed / "no_video.mp4").unlink()
    with running(ScriptedGateway(answered)) as gateway:
        result = run(gateway, "--json", mixed)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [f"{mixed}: other files, left out: 1 (notes.txt)"]


def test_a_folder_without_anything_to_send_is_refused_before_connecting(tmp_path: Path) -> None:
    result = click.testing.CliRunner().invoke(stream, [str(tmp_path)])
    assert result.exit_code == 1
    assert f"no picture and no video in {tmp_path}" in result.stderr


def test_an_animated_picture_is_sent_once(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with running(ScriptedGateway(answered)) as gateway:
        result = run(gateway, "--json", tmp_path / "a.gif")
    assert json.loads(result.stdout)["sent"] == 1


def test_files_that_the_time_is_too_short_for_are_named(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4")
    with running(ScriptedGateway(answered)) as gateway:
        result = run(gateway, "--fps", 5, "--seconds", 0.5, film, tmp_path / "b.png", tmp_path / "c.png")
    assert f"not reached in this time: 2 ({tmp_path / 'b.png'}, {tmp_path / 'c.png'})" in result.stderr

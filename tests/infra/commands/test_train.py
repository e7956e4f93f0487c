"""`sightstream train`: its output, its errors, and Ctrl-C."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.commands.__main__ import main
from infra.commands.train import train
from infra.local import parent_watch
from models.bundle import Bundle
from tests.fakes.disks import largest_file, small_disk
from tests.fakes.drawn_pictures import write_class_folders
from training.evaluation_set import labelled_pictures
from training.runs.shapes import write_pictures


def run(cache: Path, *arguments: object) -> Result:
    environ = {"SIGHTSTREAM_CACHE": str(cache)}
    return CliRunner().invoke(train, [*map(str, arguments)], env=environ, catch_exceptions=False)


def test_a_folder_without_classes_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path)
    assert done.exit_code == 1
    assert "put each class's pictures into a folder of its name" in done.output


@pytest.mark.model
def test_one_picture_a_class_and_names_that_are_no_utf8_make_a_model(tmp_path: Path, cache: Path) -> None:
    data = tmp_path / os.fsdecode(b"data\xe9")
    write_class_folders(data, {os.fsdecode(b"caf\xe9"): 1, "tea": 1})
    out = tmp_path / "model"
    done = run(cache, data, "--backbone", "efficientnet_lite0", "--size", 96, "--out", out)
    assert done.exit_code == 0, done.output
    assert "there is no test picture; the accuracy on new pictures is not measured" in done.output
    assert "“none of these”: the threshold 0.50 is assumed: nothing was measured" in done.output
    assert Bundle.open(out).manifest.about["calibration"]["threshold"] == "assumed"
    assert Bundle.open(out).manifest.labels == (r"caf\xe9", "tea")
    assert Bundle.open(out).name == r"data\xe9-best"
    assert len(labelled_pictures(data, (r"caf\xe9", "tea"))) == 2


@pytest.mark.model
@pytest.mark.parametrize("layout", ["split", "one folder"])
def test_the_last_lines_are_commands_that_work_as_they_are(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTSTREAM_REGISTRY", str(tmp_path / "registry"))
    data = Path("my pictures")
    splits = {"train": 4, "test": 1} if layout == "split" else {"": 6}
    for number, (split, per_class) in enumerate(splits.items()):
        write_class_folders(data / split, {"cup": per_class, "it's a mug": per_class}, first_seed=100 * number)
    out = "efficientnet_lite0"  # also the name of a published network
    done = run(cache, data, "--backbone", "efficientnet_lite0", "--size", 96, "--name", "my cups", "--out", out)
    assert done.exit_code == 0, done.output
    commands = [shlex.split(line)[1:] for line in done.stdout.splitlines() if line.startswith("  sightstream ")]
    version = Bundle.open(Path(out)).version
    assert [command[:2] for command in commands] == [
        ["classify", "--model"],
        ["evaluate", "./efficientnet_lite0"],
        ["models", "add"],
        ["models", "promote"],
    ]
    assert Path(commands[0][-1]).is_relative_to(data)
    assert commands[1][-1] == str(data / "test" if layout == "split" else data)
    for command in commands:
        result = CliRunner().invoke(main, command, env={"SIGHTSTREAM_CACHE": str(cache)})
        assert result.exit_code == 0, result.output
    assert result.stdout == f"my-cups {version} is live\n"


@pytest.mark.model
def test_faults_are_named_and_the_rest_is_used(tmp_path: Path, cache: Path) -> None:
    data = write_pictures(tmp_path / "data")
    (data / "004.empty").mkdir()
    (data / "001.ring" / "broken.png").write_bytes(b"\x89PNG and no more")
    shutil.copy(data / "001.ring" / "000.png", data / "002.stripes" / "copy.png")
    out = tmp_path / "model"
    arguments = ("--backbone", "efficientnet_lite0", "--size", 96, "--name", "shapes", "--out", out, "--json")
    done = run(cache, data, *arguments)
    assert done.exit_code == 0, done.output
    assert "broken.png" in done.output
    assert "copy.png: the same picture as" in done.output
    assert "empty: no picture to learn from" in done.output
    assert "1 unreadable picture, 1 class without a picture to learn from, 1 duplicate" in done.output
    last = json.loads(done.output.splitlines()[-1])
    assert last["version"] == Bundle.open(out).version
    assert last["test"]["top1"] >= 0.8
    assert "stripes" in (tmp_path / "model.html").read_text()


@pytest.mark.parametrize("below", ["file/cups", "file/deeper/cups"])
def test_places_that_cannot_be_written_are_named_before_the_work(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    data = write_class_folders(tmp_path / "data", {"cup": 2, "mug": 2})
    out = run(tmp_path / "cache", data, "--out", tmp_path / below)
    assert (out.exit_code, out.stdout) == (1, "")
    assert out.stderr == (
        f"Error: {tmp_path / below} cannot be written ({tmp_path / 'file'} is not a folder): name another place with "
        "--out\n"
    )
    cache = run(tmp_path / below, data, "--out", tmp_path / "cups")
    assert (cache.exit_code, cache.stdout) == (1, "")
    assert cache.stderr.endswith("name another place with SIGHTSTREAM_CACHE\n")
    (tmp_path / "cups.html").mkdir()
    report = run(tmp_path / "cache", data, "--out", tmp_path / "cups")
    assert report.stderr.startswith(f"Error: {tmp_path / 'cups.html'} cannot be written (it is a folder)")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "data", "cups.html"}


def test_disk_that_is_too_small_for_the_bundle_is_named_before_the_work(tmp_path: Path) -> None:
    data = write_class_folders(tmp_path / "data", {"cup": 2, "mug": 2})
    with small_disk(tmp_path / "disk") as disk:
        done = run(tmp_path / "cache", data, "--out", disk / "cups")
        assert list(disk.iterdir()) == []
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cups cannot be written (2.1 MB are free, 18.0 MB are needed): make room there" in done.stderr


@pytest.mark.model
def test_bundle_for_which_there_is_no_room_leaves_nothing_and_the_next_run_goes_on(
    tmp_path: Path, cache: Path
) -> None:
    data = write_pictures(tmp_path / "data", per_class=12)
    arguments = (data, "--backbone", "efficientnet_lite0", "--size", 96, "--out", tmp_path / "model")
    with largest_file(10_000_000):
        done = run(cache, *arguments)
    assert done.exit_code == 1
    assert f"Error: {tmp_path / 'model'} cannot be written (File too large): make room there" in done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"data"}
    assert run(cache, *arguments).exit_code == 0
    assert Bundle.open(tmp_path / "model").name == "data-best"


@pytest.mark.model
def test_something_else_in_the_way_is_left_alone(tmp_path: Path, cache: Path) -> None:
    data = write_pictures(tmp_path / "data", per_class=12)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("precious")
    done = run(cache, data, "--backbone", "efficientnet_lite0", "--size", 96, "--out", tmp_path / "thesis")
    assert done.exit_code == 1
    assert "holds something that is no bundle" in done.output
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "precious"


@pytest.mark.model
def test_after_ctrl_c_the_same_command_continues(tmp_path: Path, cache: Path) -> None:
    data = write_pictures(tmp_path / "data", per_class=150)
    arguments = [data, "--backbone", "efficientnet_lite0", "--size", 112, "--out", tmp_path / "model"]
    # through parent_watch, because the children of a shell in the background ignore Ctrl-C
    command = parent_watch.command([sys.executable, "-m", "infra.commands", "train", *map(str, arguments)])
    environ = {**os.environ, "SIGHTSTREAM_CACHE": str(cache)}
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    stores = cache / "features"
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        if any(path.stat().st_size > 20 * 5156 for path in stores.glob("*-112-*.features")):
            break
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=30)
    assert "the same command continues from here" in output
    assert not (tmp_path / "model").exists()
    assert [*stores.glob("*-112-*.features")]
    assert run(cache, *arguments).exit_code == 0
    assert Bundle.open(tmp_path / "model").name == "data-best"

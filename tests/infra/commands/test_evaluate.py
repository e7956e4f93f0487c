"""`sightstream evaluate`: what it prints, and its errors."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from infra.commands.evaluate import Facts, evaluate, print_scores
from models.bundle import Bundle
from tests import SAMPLES
from tests.fakes.disks import largest_file
from tests.fakes.drawn_pictures import write_plain
from tests.fakes.pictures import scene
from training.scores import Answers, score


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of one class with one picture."""
    write_plain(tmp_path / "data" / "red" / "one.png", "red")
    return tmp_path / "data"


def test_people_get_figures_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Forty red pictures, one green, one that is taken for blue, and an outside picture that gets a class."""
    truth = [0] * 40 + [1, 1, -1]
    answer = [0] * 40 + [1, 2, 0]
    answers = Answers(
        labels=("red", "grass green", "[bold]blue"),
        truth=np.array(truth),
        probabilities=np.eye(3, dtype=np.float32)[answer],
        files=[f"{number}.png" for number in range(43)],
        abstained=np.zeros(43, np.bool_),
    )
    facts = Facts(model="colours", version="0", engine="fake", precision="f32", unreadable=3)
    print_scores(facts, score(answers))
    out = capsys.readouterr().out
    assert "colours 0, fake f32" in out
    assert "top-1                  97.6%" in out
    assert "answered with a class  100.0%, 97.6% of them correctly" in out
    assert "42, and 3 that could not be read" in out
    assert "0.0% of 1 picture of none of the classes" in out
    assert "[bold]blue (1)" in out
    assert out.index("│ grass green") < out.index("│ red")


def run(cache: Path, *arguments: object) -> Result:
    return CliRunner().invoke(evaluate, list(map(str, arguments)), env={"SIGHTSTREAM_CACHE": str(cache)})


def test_model_that_cannot_be_had_is_one_clear_line(data: Path, tmp_path: Path) -> None:
    result = run(tmp_path, "resnet", data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'resnet' is no bundle folder and none of" in result.stderr
    assert "Traceback" not in result.stderr


def test_report_that_cannot_be_written_is_refused_before_the_work(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run(tmp_path, "--report", tmp_path / "file" / "report.html", "efficientnet_lite0", data)
    assert result.exit_code == 1
    assert "report.html cannot be written" in result.stderr
    assert "pictures" not in result.stderr


def test_report_without_what_writes_it_says_what_to_install(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "training.report", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)  # as if it were not installed
    result = run(tmp_path, "--report", tmp_path / "report.html", "efficientnet_lite0", data)
    assert result.exit_code == 1
    assert "a report needs the package jinja2: pip install 'sightstream[train]'" in result.stderr


@pytest.fixture
def cups(tmp_path: Path) -> Path:
    """The one sample picture of the page that is called as a class of ImageNet, and a scene that is none."""
    folder = tmp_path / "cups"
    (folder / "espresso").mkdir(parents=True)
    shutil.copy(SAMPLES / "coffee.jpg", folder / "espresso")
    scene().save(folder / "espresso" / "scene.jpg")
    (folder / "espresso" / "half.jpg").write_bytes((SAMPLES / "coffee.jpg").read_bytes()[:3000])
    return folder


@pytest.mark.model
def test_last_line_is_json_and_the_report_is_there(lite0: Bundle, cache: Path, cups: Path, tmp_path: Path) -> None:
    scene().save(tmp_path / "outside.jpg")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside.jpg").rename(tmp_path / "outside" / "one.jpg")
    report = tmp_path / "report.html"
    result = run(cache, "--json", "--report", report, "--outside", tmp_path / "outside", "efficientnet_lite0", cups)
    assert result.exit_code == 0
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["model"], found["version"], found["engine"]) == ("efficientnet_lite0", lite0.version, "openvino")
    assert (found["n"], found["unreadable"], found["outside"]) == (2, 1, 1)
    assert (found["top1"], found["top5"]) == (0.5, 0.5)
    assert (found["named_share"], found["none_share"]) == (1.0, 0.0)
    assert 0 <= found["ece"] <= 1
    assert "half.jpg: the JPEG is cut off or damaged: copy it again" in result.stderr
    html = report.read_text()
    assert f"efficientnet_lite0 {lite0.version}" in html
    assert html.count("data:image/jpeg") > 2


@pytest.mark.model
def test_scores_are_not_lost_with_a_report_that_cannot_be_written(cache: Path, cups: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with largest_file(10_000):
        result = run(cache, "--json", "--report", report, "efficientnet_lite0", cups)
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["top1"] == 0.5
    assert "report.html cannot be written (File too large): make room there" in result.stderr
    assert not report.exists()


@pytest.mark.model
def test_both_engines_say_the_same(lite0: Bundle, cache: Path, cups: Path) -> None:
    one, other = (
        json.loads(run(cache, "--json", "--engine", engine, lite0.folder, cups).stdout)
        for engine in ("openvino", "tensorflow")
    )
    assert (one["engine"], other["engine"]) == ("openvino", "tensorflow")
    assert (one["top1"], one["top5"]) == (other["top1"], other["top5"])
    assert one["ece"] == pytest.approx(other["ece"], abs=0.05)


@pytest.mark.model
def test_bundle_with_a_flipped_byte_is_refused_by_name(
    lite0: Bundle, cache: Path, cups: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "flipped"
    shutil.copytree(lite0.folder, folder)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    result = run(cache, "--json", folder, cups)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "model.safetensors is damaged (SHA-256" in result.stderr
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.model
def test_unknown_class_ends_with_its_name(lite0: Bundle, cache: Path, cups: Path) -> None:
    write_plain(cups / "flat white" / "one.png", "red")
    result = run(cache, lite0.folder, cups)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not classes of this model: flat white" in result.stderr

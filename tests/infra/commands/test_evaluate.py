"""`sightstream evaluate`: the pictures it takes, what it counts, what it says when something is wrong."""

import json
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from infra.commands.evaluate import evaluate, show
from models.bundle import BrokenBundle, Bundle, Manifest
from models.catalog import published
from models.classifier import Classifier
from models.images import CENTRE_CROP
from models.networks import Head, Network
from models.weights import imagenet_labels
from tests import SAMPLES
from tests.fakes.pictures import scene
from tests.models.test_classifier import ColourEngine
from training.evaluation_set import NoPictures, Picture, UnknownClasses, framing, labelled, outsiders, sit
from training.scores import score

COLOURS = Manifest("colours", Network("efficientnet_lite0", 8, 127, 128), Head(3), ("red", "grass green", "blue"))
PAINT = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "grey": (120, 120, 120)}


def classifier(manifest: Manifest = COLOURS) -> Classifier:
    return Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())


def paint(file: Path, colour: str, size: tuple[int, int] = (24, 16)) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, PAINT[colour]).save(file)
    return file


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty red pictures, two green ones, one of which is in truth blue, and files that are no pictures."""
    for number in range(40):
        paint(tmp_path / "data" / "red" / f"{number:02d}.png", "red")
    paint(tmp_path / "data" / "002.grass_green" / "a.JPG", "green")
    paint(tmp_path / "data" / "002.grass_green" / "deep" / "er" / "b.jpg", "blue")
    (tmp_path / "data" / "blue").mkdir()
    (tmp_path / "data" / ".cache").mkdir()
    (tmp_path / "data" / "red" / "notes.txt").write_text("not a picture")
    (tmp_path / "data" / "red" / "._00.png").write_text("what macOS leaves beside it")
    (tmp_path / "data" / "README.md").write_text("about these pictures")
    return tmp_path / "data"


def test_class_folders_are_found_by_label_or_by_number_and_underscores(data: Path) -> None:
    pictures = labelled(data, COLOURS.labels)
    assert [picture.classes for picture in pictures] == [(1,)] * 2 + [(0,)] * 40
    assert {picture.file.name for picture in pictures if picture.classes == (1,)} == {"a.JPG", "b.jpg"}


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("012.Some_long_name", "Some long name"),
        ("Some_long_name", "Some long name"),
        ("Some long name", "Some_long_name"),
        ("012.name", "012.name"),
        ("7.Löwchen", "Löwchen"),
        (unicodedata.normalize("NFD", "Löwchen"), "Löwchen"),
        ("jack-o'-lantern", "jack-o'-lantern"),
    ],
)
def test_folder_is_matched_to_the_label_it_means(tmp_path: Path, folder: str, label: str) -> None:
    paint(tmp_path / folder / "one.png", "red")
    assert labelled(tmp_path, ("other", label)) == [Picture(tmp_path / folder / "one.png", (1,))]


def test_exact_name_goes_before_a_likeness(tmp_path: Path) -> None:
    paint(tmp_path / "a_b" / "one.png", "red")
    assert labelled(tmp_path, ("a b", "a_b"))[0].classes == (1,)


def test_imagenets_classes_go_by_label_and_by_wordnet_id(tmp_path: Path) -> None:
    paint(tmp_path / "n01534433" / "one.png", "red")
    paint(tmp_path / "tench" / "two.png", "red")
    found = {picture.file.name: picture.classes for picture in labelled(tmp_path, imagenet_labels())}
    assert found == {"one.png": (13,), "two.png": (0,)}
    with pytest.raises(UnknownClasses, match="n01534433"):
        labelled(tmp_path, ("junco", "tench"))


def test_unknown_class_folders_are_all_named(data: Path) -> None:
    for name in ("mauve", "ochre"):
        paint(data / name / "one.png", "grey")
    with pytest.raises(UnknownClasses, match="mauve, ochre") as error:
        labelled(data, COLOURS.labels)
    assert "Its 3 classes are red, grass green, blue;" in str(error.value)


def test_folder_of_splits_is_told_to_be_one_of_them(data: Path) -> None:
    paint(data / "test" / "red" / "one.png", "red")
    with pytest.raises(UnknownClasses, match=r"model: test\. .* give one split, .*data/test"):
        labelled(data, COLOURS.labels)


def test_folder_without_class_folders_is_told_of(tmp_path: Path) -> None:
    paint(tmp_path / "loose.png", "red")
    with pytest.raises(NoPictures, match="no folders, called as classes, with pictures"):
        labelled(tmp_path, COLOURS.labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoPictures, match=r"empty has no pictures \(.*\.jpg"):
        outsiders(tmp_path / "empty")


def test_every_picture_is_judged_against_its_folder(data: Path) -> None:
    ticks: list[int] = []
    judge = classifier()
    answers, unreadable = sit(judge, labelled(data, COLOURS.labels), data, CENTRE_CROP, ticks.append)
    assert unreadable == {}
    assert sum(ticks) == 42
    assert answers.truth.tolist() == [1, 1] + [0] * 40
    assert answers.probabilities.argmax(axis=1).tolist() == [1, 2] + [0] * 40
    assert answers.files[:3] == ["002.grass_green/a.JPG", "002.grass_green/deep/er/b.jpg", "red/00.png"]
    scores = score(answers)
    assert (scores.n, scores.top1) == (42, 41 / 42)
    assert scores.classes[0].confused_with == "blue"


def test_unreadable_pictures_are_named_and_left_out(data: Path) -> None:
    half = data / "red" / "00.png"
    half.write_bytes(half.read_bytes()[:40])
    (data / "red" / "01.png").write_bytes(b"")
    (data / "red" / "02.png").unlink()
    (data / "red" / "02.png").symlink_to("nowhere.png")
    answers, unreadable = sit(classifier(), labelled(data, COLOURS.labels), data, CENTRE_CROP)
    assert len(answers.files) == 39
    assert [file.name for file in unreadable] == ["00.png", "01.png", "02.png"]
    assert unreadable[data / "red" / "02.png"] == "No such file or directory"


def test_folder_with_nothing_readable_gives_no_answers(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "one.png").write_bytes(b"no")
    answers, unreadable = sit(classifier(), labelled(tmp_path, COLOURS.labels), tmp_path, CENTRE_CROP)
    assert (answers.probabilities.shape, len(unreadable)) == ((0, 3), 1)


def test_outside_pictures_have_no_class(data: Path, tmp_path: Path) -> None:
    paint(tmp_path / "outside" / "sub" / "grey.png", "grey")
    pictures = labelled(data, COLOURS.labels) + outsiders(tmp_path / "outside")
    answers, _ = sit(classifier(replace(COLOURS, abstain_below=0.5)), pictures, data, CENTRE_CROP)
    assert answers.truth[-1] == -1
    assert answers.files[-1] == str(tmp_path / "outside" / "sub" / "grey.png")
    scores = score(answers)
    assert (scores.outside, scores.none_share, scores.named_share) == (1, 1.0, 1.0)


def test_either_class_of_a_label_that_two_have_is_right(tmp_path: Path) -> None:
    cranes = replace(COLOURS, labels=("crane", "other", "crane"))
    for colour in ("red", "blue", "green"):
        paint(tmp_path / "crane" / f"{colour}.png", colour)
    answers, _ = sit(classifier(cranes), labelled(tmp_path, cranes.labels), tmp_path, CENTRE_CROP)
    assert dict(zip(answers.files, answers.truth.tolist(), strict=True)) == {
        "crane/blue.png": 2,
        "crane/green.png": 0,
        "crane/red.png": 0,
    }
    assert score(answers).top1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("below", "named", "none"), [(None, 42, 0), (0.2, 42, 0), (0.5, 42, 1), (0.95, 0, 1)]
)  # a coloured picture is at least 0.8 of its colour, a grey one a third of each
def test_model_that_abstains_is_taken_at_its_word(
    data: Path, tmp_path: Path, below: float | None, named: int, none: int
) -> None:
    shy = replace(COLOURS, abstain_below=below)
    paint(tmp_path / "outside" / "grey.png", "grey")
    pictures = labelled(data, shy.labels) + outsiders(tmp_path / "outside")
    answers, _ = sit(classifier(shy), pictures, data, CENTRE_CROP)
    scores = score(answers)
    assert (scores.n, scores.outside) == (42, 1)
    assert (scores.named_share * 42, scores.none_share) == (named, none)
    assert scores.top1 == 41 / 42


def test_pictures_are_cut_as_the_model_wants_them(tmp_path: Path) -> None:
    """A red middle in a blue picture: the crop decides what is seen."""
    picture = Image.new("RGB", (64, 64), PAINT["blue"])
    picture.paste(PAINT["red"], (16, 16, 48, 48))
    (tmp_path / "red").mkdir()
    picture.save(tmp_path / "red" / "one.png")

    def top1(about: Mapping[str, Any]) -> float:
        manifest = replace(COLOURS, about=about)
        pictures = labelled(tmp_path, COLOURS.labels)
        return score(sit(classifier(manifest), pictures, tmp_path, framing(manifest))[0]).top1

    assert top1({"crop": 1.0}) == 0
    assert top1({"crop": 0.5}) == 1
    assert framing(COLOURS) == 0.875


@pytest.mark.parametrize("crop", [0, -1, 1.5, "all", None])
def test_crop_that_is_none_is_refused(crop: object) -> None:
    with pytest.raises(BrokenBundle, match="wants pictures cut to"):
        framing(replace(COLOURS, about={"crop": crop}))


def test_people_get_figures_and_tables(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bracketed = replace(COLOURS, labels=("red", "grass green", "[bold]blue"))
    shutil.rmtree(data / "blue")
    paint(tmp_path / "outside" / "grey.png", "grey")
    pictures = labelled(data, bracketed.labels) + outsiders(tmp_path / "outside")
    answers, _ = sit(classifier(bracketed), pictures, data, CENTRE_CROP)
    facts = {"model": "colours", "version": "0", "engine": "eyes", "precision": "f32", "unreadable": 3}
    show(facts, score(answers))
    out = capsys.readouterr().out
    assert "colours 0, eyes f32" in out
    assert "top-1              97.6%" in out
    assert "42, and 3 that could not be read" in out
    assert "0.0% of 1 outside pictures" in out
    assert "[bold]blue (1)" in out
    assert out.index("│ grass green") < out.index("│ red")


def run(cache: Path, *arguments: object) -> Result:
    return CliRunner().invoke(evaluate, list(map(str, arguments)), env={"SIGHTSTREAM_CACHE": str(cache)})


def test_model_that_cannot_be_had_is_one_clear_line(data: Path, tmp_path: Path) -> None:
    result = run(tmp_path, "resnet", data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'resnet' is no bundle folder and none of" in result.stderr
    assert "Traceback" not in result.stderr


def test_report_that_cannot_be_written_is_told_before_the_work(data: Path, tmp_path: Path) -> None:
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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def lite0(cache: Path) -> Bundle:
    return published("efficientnet_lite0", cache)


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
    assert "half.jpg: not a whole, readable picture" in result.stderr
    html = report.read_text()
    assert f"efficientnet_lite0 {lite0.version}" in html
    assert html.count("data:image/jpeg") > 2


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
    paint(cups / "flat white" / "one.png", "red")
    result = run(cache, lite0.folder, cups)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "called as no class of this model: flat white" in result.stderr

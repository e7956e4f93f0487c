"""Evaluation sets: which pictures they have, and the answers to them."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from models.bundle import Bundle, Manifest
from models.classifier import Classifier
from models.networks import Head, Network
from models.weights import imagenet_labels
from tests.fakes.drawn_pictures import COLOURS, write_plain
from tests.models.test_classifier import ColourEngine
from training.evaluation_set import (
    EvaluationPicture,
    NoPictures,
    UnknownClasses,
    classify_pictures,
    labelled_pictures,
    outside_pictures,
)
from training.scores import score

MANIFEST = Manifest("colours", Network("efficientnet_lite0", 8, 127, 128), Head(3), ("red", "grass green", "blue"))


def classifier(manifest: Manifest = MANIFEST) -> Classifier:
    return Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty red pictures, two green ones, one of which shows blue, and files that are no pictures."""
    for number in range(40):
        write_plain(tmp_path / "data" / "red" / f"{number:02d}.png", "red")
    write_plain(tmp_path / "data" / "002.grass_green" / "a.JPG", "green")
    write_plain(tmp_path / "data" / "002.grass_green" / "deep" / "er" / "b.jpg", "blue")
    (tmp_path / "data" / "blue").mkdir()
    (tmp_path / "data" / ".cache").mkdir()
    (tmp_path / "data" / "red" / "notes.txt").write_text("not a picture")
    (tmp_path / "data" / "red" / "._00.png").write_text("what macOS leaves beside it")
    (tmp_path / "data" / "README.md").write_text("about these pictures")
    return tmp_path / "data"


def test_class_folders_are_found_by_label_or_by_number_and_underscores(data: Path) -> None:
    pictures = labelled_pictures(data, MANIFEST.labels)
    assert [picture.classes for picture in pictures] == [(1,)] * 2 + [(0,)] * 40
    assert {picture.path.name for picture in pictures if picture.classes == (1,)} == {"a.JPG", "b.jpg"}


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("012.Some_long_name", "Some long name"),
        ("Some_long_name", "Some long name"),
        ("Some long name", "Some_long_name"),
        ("012.name", "012.name"),
        ("007.Löwchen", "Löwchen"),
        (unicodedata.normalize("NFD", "Löwchen"), "Löwchen"),
        ("jack-o'-lantern", "jack-o'-lantern"),
    ],
)
def test_folder_is_matched_to_its_label(tmp_path: Path, folder: str, label: str) -> None:
    write_plain(tmp_path / folder / "one.png", "red")
    assert labelled_pictures(tmp_path, ("other", label)) == [EvaluationPicture(tmp_path / folder / "one.png", (1,))]


def test_exact_name_goes_before_a_similar_one(tmp_path: Path) -> None:
    write_plain(tmp_path / "a_b" / "one.png", "red")
    assert labelled_pictures(tmp_path, ("a b", "a_b"))[0].classes == (1,)


def test_imagenets_classes_go_by_label_and_by_wordnet_id(tmp_path: Path) -> None:
    write_plain(tmp_path / "n01534433" / "one.png", "red")
    write_plain(tmp_path / "tench" / "two.png", "red")
    found = {picture.path.name: picture.classes for picture in labelled_pictures(tmp_path, imagenet_labels())}
    assert found == {"one.png": (13,), "two.png": (0,)}
    with pytest.raises(UnknownClasses, match="n01534433"):
        labelled_pictures(tmp_path, ("junco", "tench"))


def test_unknown_class_folders_are_all_named(data: Path) -> None:
    for name in ("mauve", "ochre"):
        write_plain(data / name / "one.png", "grey")
    with pytest.raises(UnknownClasses, match="mauve, ochre") as error:
        labelled_pictures(data, MANIFEST.labels)
    assert "Its 3 classes are red, grass green, blue;" in str(error.value)


def test_error_for_a_folder_of_splits_says_to_give_one(data: Path) -> None:
    write_plain(data / "test" / "red" / "one.png", "red")
    with pytest.raises(UnknownClasses, match=r"model: test\. .* give one split, .*data/test"):
        labelled_pictures(data, MANIFEST.labels)


def test_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    write_plain(tmp_path / "loose.png", "red")
    with pytest.raises(NoPictures, match="no class folders with pictures"):
        labelled_pictures(tmp_path, MANIFEST.labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoPictures, match=r"empty has no pictures \(.*\.jpg"):
        outside_pictures(tmp_path / "empty")


def test_a_class_called_test_is_a_class_and_decimals_stay(tmp_path: Path) -> None:
    for name in ("test", "1.5V", "3.5V"):
        write_plain(tmp_path / name / "one.png", "red")
    found = labelled_pictures(tmp_path, ("1.5V", "3.5V", "test"))
    assert [picture.classes for picture in found] == [(0,), (1,), (2,)]
    with pytest.raises(UnknownClasses, match=r"1\.5V"):
        labelled_pictures(tmp_path, ("5V", "3.5V", "test"))


def test_a_folder_that_wraps_the_classes_is_passed_through(data: Path) -> None:
    write_plain(data.parent / "loose.png", "red")
    said: list[str] = []
    assert labelled_pictures(data.parent, MANIFEST.labels, said.append) == labelled_pictures(data, MANIFEST.labels)
    assert said[0] == "pictures in no class folder, not used: 1 (loose.png)"


def test_classes_inside_classes_are_refused_by_name(data: Path) -> None:
    write_plain(data / "red" / "blue" / "one.png", "blue")
    with pytest.raises(UnknownClasses, match=r"classes inside classes: .*red holds a folder blue"):
        labelled_pictures(data, MANIFEST.labels)


def test_what_is_left_out_is_said(data: Path) -> None:
    said: list[str] = []
    labelled_pictures(data, MANIFEST.labels, said.append)
    assert said == [
        "hidden or generated, left out: 2 (.cache, ._00.png)",
        "other files, left out: 2 (README.md, red/notes.txt)",
    ]


def test_every_picture_is_judged_against_its_folder(data: Path) -> None:
    counts: list[int] = []
    judge = classifier()
    answers, unreadable = classify_pictures(judge, labelled_pictures(data, MANIFEST.labels), data, counts.append)
    assert unreadable == {}
    assert sum(counts) == 42
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
    answers, unreadable = classify_pictures(classifier(), labelled_pictures(data, MANIFEST.labels), data)
    assert len(answers.files) == 39
    assert [file.name for file in unreadable] == ["00.png", "01.png", "02.png"]
    assert unreadable[data / "red" / "02.png"] == "No such file or directory"


def test_folder_with_nothing_readable_gives_no_answers(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "one.png").write_bytes(b"no")
    answers, unreadable = classify_pictures(classifier(), labelled_pictures(tmp_path, MANIFEST.labels), tmp_path)
    assert (answers.probabilities.shape, len(unreadable)) == ((0, 3), 1)


def test_outside_pictures_have_no_class(data: Path, tmp_path: Path) -> None:
    write_plain(tmp_path / "outside" / "sub" / "grey.png", "grey")
    pictures = labelled_pictures(data, MANIFEST.labels) + outside_pictures(tmp_path / "outside")
    answers, _ = classify_pictures(classifier(replace(MANIFEST, abstain_below=0.5)), pictures, data)
    assert answers.truth[-1] == -1
    assert answers.files[-1] == str(tmp_path / "outside" / "sub" / "grey.png")
    scores = score(answers)
    assert (scores.outside, scores.none_share, scores.named_share) == (1, 1.0, 1.0)


def test_either_class_of_a_label_that_two_have_is_right(tmp_path: Path) -> None:
    cranes = replace(MANIFEST, labels=("crane", "other", "crane"))
    for colour in ("red", "blue", "green"):
        write_plain(tmp_path / "crane" / f"{colour}.png", colour)
    answers, _ = classify_pictures(classifier(cranes), labelled_pictures(tmp_path, cranes.labels), tmp_path)
    assert dict(zip(answers.files, answers.truth.tolist(), strict=True)) == {
        "crane/blue.png": 2,
        "crane/green.png": 0,
        "crane/red.png": 0,
    }
    assert score(answers).top1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("below", "named", "none"), [(None, 42, 0), (0.2, 42, 0), (0.5, 42, 1), (0.95, 0, 1)]
)  # a coloured picture is at least 0.8 of its colour, a grey one a third of each
def test_answers_below_the_threshold_are_none_of_these(
    data: Path, tmp_path: Path, below: float | None, named: int, none: int
) -> None:
    abstaining = replace(MANIFEST, abstain_below=below)
    write_plain(tmp_path / "outside" / "grey.png", "grey")
    pictures = labelled_pictures(data, abstaining.labels) + outside_pictures(tmp_path / "outside")
    answers, _ = classify_pictures(classifier(abstaining), pictures, data)
    scores = score(answers)
    assert (scores.n, scores.outside) == (42, 1)
    assert (scores.named_share * 42, scores.none_share) == (named, none)
    assert scores.top1 == 41 / 42


def test_pictures_are_cut_to_the_crop_of_the_model(tmp_path: Path) -> None:
    """A red middle in a blue picture: the crop decides what is seen."""
    picture = Image.new("RGB", (64, 64), COLOURS["blue"])
    picture.paste(COLOURS["red"], (16, 16, 48, 48))
    (tmp_path / "red").mkdir()
    picture.save(tmp_path / "red" / "one.png")

    def top1(crop: float) -> float:
        manifest = replace(MANIFEST, network=replace(MANIFEST.network, crop=crop))
        pictures = labelled_pictures(tmp_path, MANIFEST.labels)
        return score(classify_pictures(classifier(manifest), pictures, tmp_path)[0]).top1

    assert top1(1.0) == 0
    assert top1(0.5) == 1

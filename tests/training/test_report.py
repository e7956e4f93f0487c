"""The report of a training: one complete file, safe for any file names and labels."""

import base64
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.storage import Unwritable
from tests.fakes.pictures import scene
from training.report import sections, write_report
from training.scores import Answers, score

VOID = {"meta", "img", "br", "line", "rect", "polyline"}


class Reader(HTMLParser):
    """The page as a browser reads it: the elements, their text, and whether all are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def random_answers(root: Path, classes: int = 30, each: int = 4, outside: int = 20, written: int = 5) -> Answers:
    """Answers hardly better than chance, so that nearly everything is confused; `written` pictures that rotate."""
    chance = np.random.default_rng(5)
    n = classes * each
    for number in range(written):
        scene(640, 480).rotate(number * 40).save(root / f"{number}.jpg")
    return Answers(
        labels=tuple(f"class {at}" for at in range(classes)),
        truth=np.concatenate([np.repeat(np.arange(classes), each), np.full(outside, -1)]),
        probabilities=chance.dirichlet(np.full(classes, 0.2), n + outside).astype(np.float32),
        files=[f"{at % written}.jpg" for at in range(n + outside)],
        abstained=chance.random(n + outside) < 0.2,
    )


def two(root: Path, labels: tuple[str, str] = ("cat", "dog"), file: str = "one.jpg", outside: str = "") -> Answers:
    """One cat that is taken for a dog and one dog; and an outside picture."""
    scene().save(root / "real.jpg")
    files = [file, "real.jpg", *([outside] if outside else [])]
    return Answers(
        labels=labels,
        truth=np.array([0, 1, -1][: len(files)]),
        probabilities=np.array([[0.25, 0.75], [0.1, 0.9], [0.4, 0.6]][: len(files)], np.float32),
        files=files,
        abstained=np.array([False, False, False][: len(files)]),
    )


def written(path: Path, answers: Answers, about: Mapping[str, Any] | None = None, **rest: Any) -> Reader:
    write_report(
        path,
        title=rest.pop("title", "cats and dogs"),
        scores=score(answers),
        answers=answers,
        picture_root=path.parent,
        crop=rest.pop("crop", 1.0),
        about=about or {},
        **rest,
    )
    reader = Reader(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_report_needs_no_other_file_and_no_network(tmp_path: Path) -> None:
    reader = written(tmp_path / "report.html", random_answers(tmp_path))
    html = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|//\w|@import|url\(", re.sub(r"base64,[^\"]+", "", html))
    assert not reader.all("script") + reader.all("link") + reader.all("iframe")
    assert all((each["src"] or "").startswith("data:image/jpeg;base64,") for each in reader.all("img"))


def test_pictures_are_small_jpegs_and_not_too_many(tmp_path: Path) -> None:
    images = written(tmp_path / "report.html", random_answers(tmp_path)).all("img")
    assert 60 < len(images) <= 80
    for each in images:
        jpeg = Image.open(BytesIO(base64.b64decode((each["src"] or "").partition(",")[2])))
        assert jpeg.format == "JPEG"
        assert max(jpeg.size) <= 112
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


def test_pictures_are_framed_as_the_model_saw_them(tmp_path: Path) -> None:
    """A white picture with a black rim: a crop of half of it shows no rim."""
    rim = Image.new("RGB", (200, 200), "black")
    rim.paste("white", (40, 40, 160, 160))
    rim.save(tmp_path / "one.jpg", quality=95)

    def darkest(crop: float) -> int:
        images = written(tmp_path / "report.html", two(tmp_path), crop=crop).all("img")
        uri = images[0]["src"] or ""
        return int(np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L")).min())

    assert darkest(1.0) < 20
    assert darkest(0.5) > 235


def test_figures_stand_at_the_top(tmp_path: Path) -> None:
    words = written(tmp_path / "report.html", two(tmp_path, outside="real.jpg")).words
    assert "cats and dogs 2 pictures of 2 classes, 1 outside pictures" in words
    assert "Top-1 50.0% 95% interval: 9.5% to 90.5%" in words
    assert "Still named 100.0%" in words
    assert "“None of these” 0.0% of 1 outside pictures" in words
    assert (
        "Top-5" not in words.split("Classes, the lowest recall first")[0]
    )  # of two classes it would always be 100 %


def test_confusion_shows_both_classes(tmp_path: Path) -> None:
    scene().rotate(90).save(tmp_path / "one.jpg")
    reader = written(tmp_path / "report.html", two(tmp_path))
    assert "cat taken for dog 1×" in reader.words
    assert "cat “dog”, 75%" in reader.words
    mistake, correct = reader.all("img")[:2]
    assert (mistake["title"], correct["title"]) == ("one.jpg", "real.jpg")
    assert mistake["src"] != correct["src"]


def test_worst_class_comes_first_and_the_long_tail_is_folded(tmp_path: Path) -> None:
    answers = random_answers(tmp_path)
    reader = written(tmp_path / "report.html", answers)
    order = re.findall(r'<th scope="row">(.*?)</th>', (tmp_path / "report.html").read_text())
    assert order == [each.label for each in score(answers).classes]
    assert "The other 5 classes" in reader.words


def test_outside_pictures_that_were_named_are_shown_without_a_truth(tmp_path: Path) -> None:
    reader = written(tmp_path / "report.html", two(tmp_path, outside="real.jpg"))
    assert "Outside pictures that got a class" in reader.words
    assert reader.all("img")[-1]["alt"] == "outside picture"


def test_without_a_mistake_nothing_is_confused(tmp_path: Path) -> None:
    scene().save(tmp_path / "one.jpg")
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    right = Answers(("cat", "dog"), np.array([0, 1]), probabilities, ["one.jpg", "one.jpg"], np.array([False, False]))
    words = written(tmp_path / "report.html", right).words
    assert "Confused classes" not in words
    assert "still recognised" in words


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>'
    file = "a' onload='alert(1)\" b<i>.jpg"
    scene().save(tmp_path / file, "JPEG")
    answers = two(tmp_path, labels=(evil, "{{ 7 * 7 }}"), file=file)
    about = {evil: {evil: [evil]}, "plain": evil}
    reader = written(tmp_path / "report.html", answers, about, title=evil, curves={f"{evil} loss": [2.0, 1.0]})
    assert not reader.all("script")
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert reader.all("img")[0]["title"] == file
    assert "{{ 7 * 7 }}" in reader.words
    assert reader.words.count('alert("1")') > 5


def test_file_whose_name_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    scene().save(tmp_path / "plain.jpg")
    (tmp_path / "plain.jpg").rename(tmp_path / name)
    reader = written(tmp_path / "report.html", two(tmp_path, file=name))
    assert reader.all("img")[0]["title"] == "caf?.jpg"


def test_of_absolute_paths_only_the_end_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "dogs" / "test" / "cairn"
    folder.mkdir(parents=True)
    scene().save(folder / "one.jpg")
    reader = written(tmp_path / "report.html", two(tmp_path, file=str(folder / "one.jpg")))
    assert reader.all("img")[0]["title"] == "test/cairn/one.jpg"
    assert str(tmp_path) not in (tmp_path / "report.html").read_text()


def test_picture_that_is_gone_leaves_its_place(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"no longer a picture")
    reader = written(tmp_path / "report.html", two(tmp_path))
    assert "cannot be read any more" in reader.words
    assert {each["title"] for each in reader.all("img")} == {"real.jpg"}


def test_curves_are_drawn_one_chart_a_quantity(tmp_path: Path) -> None:
    scene().save(tmp_path / "one.jpg")
    curves = {
        "training_loss": [3.0, 2.0, 1.5, 1.2],
        "validation_loss": [2.5, 1.4],
        "training accuracy": [0.1, 0.5, 0.7, 0.8],
    }
    reader = written(tmp_path / "report.html", two(tmp_path), curves=curves)
    assert len(reader.all("polyline")) == 3
    labels = [each["aria-label"] for each in reader.all("svg")]
    assert labels[:2] == ["loss over the training", "accuracy over the training"]
    assert "validation loss 1.4 at the end" in reader.words
    assert "training accuracy 80% at the end" in reader.words


def test_about_is_shown_in_sections() -> None:
    about = {
        "seed": 7,
        "data": {"train": 4800, "split": {"valid": 0.1}},
        "early_stop": True,
        "none": None,
        "parts": list(range(20)),
    }
    single, data = sections(about)
    numbers = ", ".join(map(str, range(12)))
    assert single == (
        "",
        [("seed", "7"), ("early stop", "yes"), ("none", "–"), ("parts", f"{numbers} and 8 more")],
    )
    assert data == ("data", [("train", "4800"), ("split › valid", "0.1")])


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("not now")


def test_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    written(report, two(tmp_path))
    before, names = report.read_bytes(), {each.name for each in tmp_path.iterdir()}
    with pytest.raises(RuntimeError, match="not now"):
        written(report, two(tmp_path), {"bad": Unprintable()})
    assert report.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} == names


def test_report_that_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(Unwritable, match=r"report\.html cannot be written"):
        written(tmp_path / "report.html", two(tmp_path))
    assert {each.name for each in tmp_path.iterdir()} == {"report.html", "real.jpg"}


def test_report_makes_its_folder(tmp_path: Path) -> None:
    answers = two(tmp_path)
    write_report(
        tmp_path / "new" / "report.html",
        title="t",
        scores=score(answers),
        answers=answers,
        picture_root=tmp_path,
        crop=1.0,
        about={},
    )
    assert (tmp_path / "new" / "report.html").stat().st_mode & 0o777 == 0o644

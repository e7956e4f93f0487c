"""`sightstream classify`, from its arguments to its lines and its exit code."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from infra.commands.classify import classify
from models.bundle import Bundle
from models.engines.registry import ENGINES
from tests.fakes.pictures import (
    encoded,
    png_chunk,
    scene,
    tiff,
    with_jpeg_segment,
    with_png_chunk,
    with_webp_chunk,
)
from tests.fakes.videos import write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pictures, more than two batches, and a text file between them."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for number in range(20):
        scene().rotate(number * 18).save(folder / ("more" if number > 12 else "") / f"{number:02d}.jpg")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def run(cache: Path, *arguments: object) -> Result:
    environment = {"SIGHTSTREAM_CACHE": str(cache)}
    return CliRunner().invoke(classify, ["--model", "efficientnet_lite0", *map(str, arguments)], env=environment)


def test_engines_offered_are_those_there_are() -> None:
    engine = next(option for option in classify.params if option.name == "engine")
    assert tuple(engine.type.to_info_dict()["choices"]) == ENGINES


@pytest.mark.model
def test_each_file_has_its_line_of_json(lite0: Bundle, cache: Path, folder: Path) -> None:
    result = run(cache, "--json", folder)
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in lines] == sorted(str(file) for file in folder.rglob("*.jpg"))
    for line in lines:
        assert set(line) == {"file", "model", "version", "engine", "labels"}
        assert (line["model"], line["version"], line["engine"]) == ("efficientnet_lite0", lite0.version, "openvino")
        assert len(line["labels"]) == 5
        assert all(set(label) == {"index", "label", "probability"} for label in line["labels"])
        probabilities = [label["probability"] for label in line["labels"]]
        assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.model
def test_unreadable_file_has_its_error_and_the_rest_is_still_done(
    lite0: Bundle, cache: Path, folder: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.jpg"
    half.write_bytes((folder / "00.jpg").read_bytes()[:2000])
    (tmp_path / "empty").mkdir()
    paths = [half, folder / "notes.txt", tmp_path / "nowhere.jpg", tmp_path / "empty", folder / "01.jpg"]
    result = run(cache, "--json", *paths)
    assert result.exit_code == 1
    *bad, good = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in bad] == [str(path) for path in paths[:-1]]
    assert all(set(line) == {"file", "error"} and line["error"] for line in bad)
    assert bad[3]["error"] == "no picture in this folder"
    assert good["file"] == str(folder / "01.jpg")
    assert len(good["labels"]) == 5


@pytest.mark.model
def test_awkward_files_get_the_label_of_their_photograph(
    lite0: Bundle, cache: Path, data: Path, tmp_path: Path
) -> None:
    photograph = data / "photos" / "217_n02102040_English_springer.jpg"
    with Image.open(photograph) as image:
        colour = image.convert("RGB")
    png, grey = encoded(colour, "PNG"), np.asarray(colour.convert("L"))
    exif = b"\0\x08\0\2\1\x12\0\3"
    greys = {
        "grey_12_in_16_bit.png": encoded(Image.fromarray(grey.astype(np.uint16) * 16), "PNG"),
        "grey_32_bit.tif": encoded(Image.fromarray(grey.astype(np.int32) * 257), "TIFF"),
        "grey_fractions.tif": tiff((grey / 255).astype(np.float32)),
        "grey_signed.tif": tiff((grey.astype(np.int16) - 128) * 200),
    }
    colours = {
        "broken_exif.png": with_png_chunk(png, png_chunk(b"eXIf", exif)),
        "broken_exif.webp": with_webp_chunk(encoded(colour, "WEBP", exif=b"II*\0"), b"EXIF", exif),
        "large_text.png": with_png_chunk(png, png_chunk(b"zTXt", b"raw\0\0" + zlib.compress(b"A" * 3_000_000))),
        "list_of_pictures.jpg": with_jpeg_segment(photograph.read_bytes(), 0xE2, b"MPF\0II*\0\xff\xff"),
        os.fsdecode(b"caf\xe9.jpg"): photograph.read_bytes(),
    }
    for name, content in (greys | colours).items():
        (tmp_path / name).write_bytes(content)
    result = run(cache, "--json", tmp_path)
    assert result.exit_code == 0
    told = {Path(line["file"]).name: line["labels"] for line in map(json.loads, result.stdout.splitlines())}
    assert told.keys() == {*greys, *colours} - {os.fsdecode(b"caf\xe9.jpg")} | {r"caf\xe9.jpg"}
    for name, labels in told.items():
        assert "English springer" in [label["label"] for label in labels][: 5 if name in greys else 1], name


@pytest.mark.model
def test_bundle_folder_is_a_model(lite0: Bundle, cache: Path, folder: Path) -> None:
    result = run(cache, "--model", lite0.folder, "--json", folder / "00.jpg")
    assert json.loads(result.stdout)["version"] == lite0.version


@pytest.mark.model
def test_name_of_a_published_network_is_not_a_folder(
    lite0: Bundle, cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "efficientnet_lite0").mkdir()
    monkeypatch.chdir(tmp_path)
    assert json.loads(run(cache, "--json", folder / "00.jpg").stdout)["version"] == lite0.version
    result = run(cache, "--model", "./efficientnet_lite0", folder / "00.jpg")
    assert "is no bundle" in result.stderr


@pytest.mark.model
def test_people_get_a_table(lite0: Bundle, cache: Path, folder: Path) -> None:
    result = run(cache, folder / "00.jpg")
    header, _, file, *labels = result.stdout.splitlines()
    assert header.startswith(f"efficientnet_lite0 {lite0.version}, openvino ")
    assert file == str(folder / "00.jpg")
    assert len(labels) == 5
    assert len({label.index("%") for label in labels}) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "resnet", "x.jpg"], "'resnet' is no bundle folder and none of"),
        (["--model", "inception_v3", "--weights", "nowhere.h5", "x.jpg"], "nowhere.h5 cannot be read"),
    ],
)
def test_model_that_cannot_be_had_is_one_clear_line(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.model
def test_videos_are_named_and_counted_in_a_folder_and_refused_by_themselves(
    lite0: Bundle, cache: Path, folder: Path
) -> None:
    film = write_video(folder / "film.mov")
    result = run(cache, "--json", folder)
    assert result.exit_code == 0
    assert f"{folder}: videos, left out: 1 (film.mov); `sightstream stream` sends videos" in result.stderr
    result = run(cache, "--json", film)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "a video, not a picture: `sightstream stream` sends videos"

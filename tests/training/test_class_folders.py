"""Class folders: names are exact, splits are only what they are, and nothing is half taught."""

import unicodedata
from pathlib import Path

import pytest

from models.picture_folder import look_into
from tests.fakes.drawn_pictures import write_noise
from training.class_folders import ClassFolders, NothingToLearn, class_folders, look_alikes, readable_names


def read(root: Path, *folders: str) -> ClassFolders:
    """What is found in a folder that has one picture in each of `folders`."""
    for number, folder in enumerate(folders):
        write_noise(root / folder / f"{number}.png", number)
    return class_folders(look_into(root))


def placed(found: ClassFolders) -> list[tuple[str, str]]:
    return sorted((each.split, each.name) for each in found.pictures)


@pytest.mark.parametrize(
    "classes",
    [
        ("bus", "car", "train"),
        ("Test", "bus"),
        ("train", "val", "plane"),
        ("test", "training", "valid", "exam"),
        ("1.5V", "3.7V", "9.0V"),
        ("golden_retriever", " padded ", "a.b"),
        ("001.cat", "dog"),
    ],
)
def test_folders_with_pictures_are_classes_whatever_their_names(tmp_path: Path, classes: tuple[str, ...]) -> None:
    found = read(tmp_path, *classes)
    assert placed(found) == sorted(("", name) for name in classes)
    assert found.remarks == ()
    assert readable_names(found.names) == sorted(classes)


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [("train", "valid", "test"), ("Training", "VAL", "Testing"), ("training_set", "dev", "test_set")],
)
def test_split_folders_that_hold_class_folders_are_splits(tmp_path: Path, train: str, valid: str, test: str) -> None:
    found = read(tmp_path, *(f"{split}/{name}" for split in (train, valid, test) for name in ("cat", "train")))
    assert placed(found) == sorted((split, name) for split in ("train", "valid", "test") for name in ("cat", "train"))
    assert found.remarks == ()


def test_two_folders_of_one_split_are_both_read(tmp_path: Path) -> None:
    found = read(tmp_path, "train/cat", "train/dog", "val/cat", "valid/dog")
    assert placed(found) == [("train", "cat"), ("train", "dog"), ("valid", "cat"), ("valid", "dog")]


def test_train_without_partners_is_a_split(tmp_path: Path) -> None:
    assert placed(read(tmp_path, "train/cat", "train/dog")) == [("train", "cat"), ("train", "dog")]


@pytest.mark.parametrize("folders", [("test/cat", "test/dog"), ("val/cat", "test/cat")])
def test_splits_without_train_are_refused_with_what_to_do(tmp_path: Path, folders: tuple[str, ...]) -> None:
    with pytest.raises(NothingToLearn, match=r"no class folders in train, only .*name one of them train, or give"):
        read(tmp_path, *folders)


@pytest.mark.parametrize("folders", [("train", "test"), ("train",), ("val", "train", "test")])
def test_splits_without_class_folders_are_refused_with_what_to_do(tmp_path: Path, folders: tuple[str, ...]) -> None:
    with pytest.raises(NothingToLearn, match="hold pictures but no class folders; put each class's pictures"):
        read(tmp_path, *folders)


def test_what_lies_beside_the_split_folders_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, "train/cat", "train/dog", "val/cat", "test", "unlabelled/a")
    assert placed(found) == [("train", "cat"), ("train", "dog"), ("valid", "cat")]
    assert [each.split(" is no split")[0].rsplit("/", 1)[1] for each in found.remarks] == ["test", "unlabelled"]


def test_splits_inside_all_class_folders_are_splits(tmp_path: Path) -> None:
    found = read(tmp_path, "cat/train", "cat/test", "dog/train")
    assert placed(found) == [("test", "cat"), ("train", "cat"), ("train", "dog")]


@pytest.mark.parametrize("wrapper", ["pets", "a/b/c"])
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (("cat", "dog"), [("", "cat"), ("", "dog")]),
        (("train/cat", "train/dog", "test/cat"), [("test", "cat"), ("train", "cat"), ("train", "dog")]),
        (("train/cat",), [("train", "cat")]),
    ],
)
def test_a_folder_that_wraps_the_classes_is_passed_through_and_said(
    tmp_path: Path, wrapper: str, inside: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "annotations").mkdir()
    found = read(tmp_path, *(f"{wrapper}/{each}" for each in inside))
    assert placed(found) == expected
    assert any("holds the class folders" in each for each in found.remarks)


def test_pictures_beside_class_folders_are_named_with_what_to_do(tmp_path: Path) -> None:
    found = read(tmp_path, "", "cat", "dog")
    assert placed(found) == [("", "cat"), ("", "dog")]
    assert any("0.png); move them into the folder of their class" in each for each in found.remarks)


@pytest.mark.parametrize(
    "folders",
    [
        ("animals/cat", "animals/dog", "vehicles/car"),
        ("dog", "dog/poodle", "dog/beagle", "cat"),
        ("dog", "dog/cat", "cat"),
        ("train/animals/cat", "train/animals/dog", "train/car", "test/car"),
        ("2023/cat", "2023/dog", "2024/cat", "2024/dog"),
        ("bus", "train/cat", "train/dog"),
    ],
)
def test_classes_inside_classes_are_refused_by_name(tmp_path: Path, folders: tuple[str, ...]) -> None:
    with pytest.raises(NothingToLearn, match=r"classes inside classes: .* holds the folders .*\. To teach these"):
        read(tmp_path, *folders)


@pytest.mark.parametrize("folders", [("cat", "cat/more", "dog"), ("cat/batch1", "cat/batch2", "dog/images")])
def test_parts_of_a_class_belong_to_it_and_are_said(tmp_path: Path, folders: tuple[str, ...]) -> None:
    found = read(tmp_path, *folders)
    assert {name for _, name in placed(found)} == {"cat", "dog"}
    assert len(found.pictures) == 3
    (remark,) = found.remarks
    assert "belong to that class: cat/" in remark


@pytest.mark.parametrize("name", ["Löwchen", "é", "가"])
def test_names_in_two_unicode_forms_are_one_class(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name), "other")
    assert placed(found) == sorted([("", name), ("", name), ("", "other")])
    assert any("are one class" in each for each in found.remarks)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Cat", "cat", "differ only in case"),
        ("cat", "cat ", "look alike"),
        ("cat", "\u0441at", "look alike"),  # a Cyrillic letter
        ("B\u03bfx", "box", "look alike"),  # a Greek letter
        ("golden_retriever", "golden retriever", "look alike"),
        ("cat", "ca\u200bt", "look alike"),  # a space without a width
        ("cat", "ｃａｔ", "look alike"),
    ],
)
def test_names_that_look_alike_are_said(one: str, other: str, why: str) -> None:
    (remark,) = look_alikes([one, other, "something else"])
    assert why in remark


def test_different_names_do_not_look_alike() -> None:
    assert look_alikes(["1.5V", "15V", "cup", "cap", "Mücke", "Mucke", "кот"]) == []


def test_numbers_leave_only_in_the_form_of_the_published_dog_set_and_only_where_all_have_it() -> None:
    assert readable_names(["001.Cairn_terrier", "002.Beagle"]) == ["Cairn terrier", "Beagle"]
    assert readable_names(["001.Cairn_terrier", "cola_can"]) == ["001.Cairn_terrier", "cola_can"]
    assert readable_names(["001.cat", "002.cat"]) == ["001.cat", "002.cat"]
    assert readable_names(["7.up", "8.cola"]) == ["7.up", "8.cola"]
    assert readable_names(["100.5V", "200.5V"]) == ["100.5V", "200.5V"]
    assert readable_names([]) == []

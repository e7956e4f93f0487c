"""Every file in a folder is either part of the dataset or named as a problem."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.drawn_pictures import write_class_folders, write_noise
from tests.fakes.videos import write_video
from training.dataset import SPLITS, Faults, NothingToLearn, Picture, read_dataset

MANY = int(os.environ.get("SIGHTSTREAM_FUZZ_DATASETS", "60"))


def sizes(root: Path, seed: int = 0) -> dict[str, int]:
    dataset = read_dataset(root, seed)
    return {split: len(dataset.splits[split]) for split in SPLITS}


def test_split_folders_are_kept_as_they_are(tmp_path: Path) -> None:
    for place, split in enumerate(("train", "valid", "test")):
        write_class_folders(
            tmp_path / split, {"001.Afghan_hound": 3 - place, "002.Beagle": 2}, first_seed=100 * place
        )
    dataset = read_dataset(tmp_path)
    assert dataset.classes == ("Afghan hound", "Beagle")
    assert sizes(tmp_path) == {"train": 5, "valid": 4, "test": 3}
    assert not any(dataset.faults.counts().values())
    assert dataset.faults.summary() == ""
    assert dataset.test_folder() == tmp_path / "test"


def test_the_folder_of_the_test_pictures_is_found_only_where_it_holds_all_of_them_and_no_others(
    tmp_path: Path,
) -> None:
    for place, split in enumerate(("training", "Test set")):
        write_class_folders(tmp_path / "outer" / "deep" / split, {"cup": 2}, first_seed=100 * place)
        write_class_folders(tmp_path / "by_class" / "cup", {split: 2}, first_seed=100 * place)
        write_class_folders(tmp_path / "by_class" / "mug", {split: 2}, first_seed=100 * place + 50)
    write_class_folders(tmp_path / "by_seed", {"cup": 30, "mug": 30})
    assert read_dataset(tmp_path / "outer").test_folder() == tmp_path / "outer" / "deep" / "Test set"
    assert read_dataset(tmp_path / "by_class").test_folder() is None
    assert read_dataset(tmp_path / "by_seed").test_folder() is None


def test_faults_are_summed_up_in_the_singular_and_the_plural() -> None:
    assert Faults(("a",), ("b",), ("c",), ("d",)).summary() == (
        "1 unreadable picture, 1 class without a picture to learn from, 1 duplicate, 1 remark"
    )
    assert Faults((), ("b",) * 2, ("c",) * 3).summary() == "2 classes without a picture to learn from, 3 duplicates"


def test_one_folder_of_class_folders_is_split_by_content_and_seed(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"cup": 100, "mug": 100})
    first, again, other = (read_dataset(tmp_path, seed) for seed in (1, 1, 2))
    assert first.splits == again.splits
    assert first.splits != other.splits
    assert 140 <= len(first.splits["train"]) <= 180
    assert len(first.pictures()) == 200


def test_a_picture_that_is_added_moves_no_other(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"cup": 30, "mug": 30})
    before = {each.path: split for split, each in of_splits(tmp_path)}
    write_noise(tmp_path / "cup" / "another.png", 999)
    after = {each.path: split for split, each in of_splits(tmp_path)}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def of_splits(root: Path) -> list[tuple[str, Picture]]:
    dataset = read_dataset(root)
    return [(split, each) for split in SPLITS for each in dataset.splits[split]]


def test_duplicates_stay_in_the_split_that_must_be_untouched_most(tmp_path: Path) -> None:
    for place, split in enumerate(SPLITS):
        write_class_folders(tmp_path / split, {"cup": 3, "mug": 3}, first_seed=100 * place)
    shutil.copy(tmp_path / "test" / "cup" / "0.png", tmp_path / "train" / "mug" / "copy.png")
    shutil.copy(tmp_path / "valid" / "mug" / "0.png", tmp_path / "train" / "mug" / "copy2.png")
    dataset = read_dataset(tmp_path)
    assert sizes(tmp_path) == {"train": 6, "valid": 6, "test": 6}
    assert len(dataset.faults.duplicates) == 2
    assert any("copy.png" in each and "another class" in each for each in dataset.faults.duplicates)


def test_a_class_without_a_picture_to_learn_from_is_named_and_left_out(tmp_path: Path) -> None:
    for place, split in enumerate(SPLITS):
        write_class_folders(
            tmp_path / split, {"cup": 2, "mug": 2 * (split != "train"), "jar": 2}, first_seed=100 * place
        )
    dataset = read_dataset(tmp_path)
    assert dataset.classes == ("cup", "jar")
    assert dataset.faults.empty == ("mug: no picture to learn from, so it is left out",)
    assert {each.label for each in dataset.splits["test"]} == {0, 1}


def test_one_class_is_remarked_on(tmp_path: Path) -> None:
    dataset = read_dataset(write_class_folders(tmp_path, {"cup": 20}))
    assert any("one class only, cup" in each for each in dataset.faults.remarks)


def test_without_validation_some_of_train_is_held_back(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train", {"cup": 16, "mug": 16})
    dataset = read_dataset(tmp_path)
    assert sizes(tmp_path) == {"train": 28, "valid": 4, "test": 0}
    assert len(dataset.faults.remarks) == 2


def test_unreadable_pictures_leave_and_are_named(tmp_path: Path) -> None:
    dataset = read_dataset(write_class_folders(tmp_path, {"cup": 20, "mug": 20}))
    broken = dataset.splits["train"][0].path
    left = dataset.without({broken: "cut off"})
    assert broken not in {each.path for each in left.pictures()}
    assert left.faults.unreadable == (f"{broken}: cut off",)


def test_a_class_whose_pictures_are_all_unreadable_is_left_out(tmp_path: Path) -> None:
    dataset = read_dataset(write_class_folders(tmp_path, {"cup": 20, "mug": 20}))
    left = dataset.without({each.path: "bad" for each in dataset.pictures() if each.label == 1})
    assert left.classes == ("cup",)
    assert len(left.faults.empty) == 1


@pytest.mark.parametrize("classes", [{}, {"cup": 0}])
def test_a_folder_without_pictures_is_an_error_that_says_what_to_do(tmp_path: Path, classes: dict[str, int]) -> None:
    with pytest.raises(NothingToLearn, match="put each class's pictures into a folder"):
        read_dataset(write_class_folders(tmp_path, classes))


def test_nothing_left_after_reading_is_an_error(tmp_path: Path) -> None:
    dataset = read_dataset(write_class_folders(tmp_path, {"cup": 4}))
    with pytest.raises(NothingToLearn, match="bad"):
        dataset.without({each.path: "bad" for each in dataset.pictures()})


def test_the_fingerprint_is_of_content_not_of_place(tmp_path: Path) -> None:
    here = read_dataset(write_class_folders(tmp_path / "here", {"cup": 10, "mug": 10}))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert read_dataset(tmp_path / "there").fingerprint == here.fingerprint
    write_noise(tmp_path / "there" / "cup" / "more.png", 500)
    assert read_dataset(tmp_path / "there").fingerprint != here.fingerprint


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_very_few_pictures_every_class_is_taught_and_what_is_not_measured_is_said(
    tmp_path: Path, count: int
) -> None:
    write_class_folders(tmp_path, {"cup": count, "mug": count, "jar": count})
    for seed in range(10):
        dataset = read_dataset(tmp_path, seed)
        assert {each.label for each in dataset.splits["train"]} == {0, 1, 2}
        assert len(dataset.pictures()) == 3 * count
        assert any("test picture" in each for each in dataset.faults.remarks)


def test_a_class_whose_only_picture_for_training_is_unreadable_gets_another_one(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"cup": 3, "mug": 3})
    dataset = read_dataset(tmp_path)
    broken = {each.path: "bad" for each in dataset.splits["train"] if each.label == 0}
    spare = [each for each in dataset.pictures() if each.label == 0 and each.path not in broken]
    assert dataset.without(broken).classes == (("cup", "mug") if spare else ("mug",))


def test_what_is_not_measured_is_said_once(tmp_path: Path) -> None:
    dataset = read_dataset(write_class_folders(tmp_path, {"cup": 20}))
    again = dataset.without({dataset.splits["train"][0].path: "bad"})
    assert again.faults.remarks == dataset.faults.remarks


def test_names_that_are_no_utf8_have_a_class_and_a_fingerprint(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {os.fsdecode(b"caf\xe9"): 3, "mug": 3})
    dataset = read_dataset(tmp_path)
    assert dataset.classes == (r"caf\xe9", "mug")
    assert len(dataset.fingerprint) == 16
    "".join(dataset.faults.sentences()).encode()


def test_leftovers_are_not_taught_and_other_files_are_named(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"cup": 20, "mug": 20})
    for place, name in enumerate((".ipynb_checkpoints/a.png", "@eaDir/b.png", "deep/__MACOSX/c.png")):
        write_noise(tmp_path / "cup" / name, 900 + place)
    (tmp_path / "mug" / "notes.txt").write_text("about mugs")
    dataset = read_dataset(tmp_path)
    assert len(dataset.pictures()) == 40
    assert "hidden or generated, left out: 3 (.ipynb_checkpoints, @eaDir, __MACOSX)" in dataset.faults.remarks
    assert "other files, left out: 1 (mug/notes.txt)" in dataset.faults.remarks


def test_videos_are_not_taught_and_are_named(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"cup": 20, "mug": 20})
    write_video(tmp_path / "cup" / "film.mkv")
    write_video(tmp_path / "mug" / "film.mp4").rename(tmp_path / "mug" / "film")
    remarks = read_dataset(tmp_path).faults.remarks
    assert "videos, left out: 2 (cup/film.mkv, mug/film); `sightstream stream` sends videos" in remarks


def test_damaged_datasets_raise_nothing_but_named_errors() -> None:
    """`SIGHTSTREAM_FUZZ_DATASETS=2000` reads so many."""
    command = [sys.executable, "-m", "tests.fakes.mutated_datasets", str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert sum(told["happened"].values()) == told["datasets"] == MANY
    assert 0 < told["happened"]["refused"] < MANY / 2
    assert told["peak_memory"] < 2**30
    assert told["slowest_s"] < 30

"""What is looked at in a folder of pictures, and what is left out and counted."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from models.picture_folder import counted, look_into, quoted, shown, utf8
from tests.fakes.drawn_pictures import write_noise
from tests.fakes.videos import write_video


def names(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in look_into(root).files]


def copy(picture: Path, *paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_noise(tmp_path / "source.png", 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_pictures_are_found_at_any_depth_with_any_known_extension(picture: Path, root: Path) -> None:
    wanted = ["a.JPG", "b.jfif", "c.Webp", "d.HEIC", "deep/er/e.avif", "f.pgm", "folder.png/g.jpe"]
    copy(picture, *(root / name for name in wanted))
    assert names(root) == sorted(wanted)


@pytest.mark.parametrize("name", ["scan", "scan.1", "1.5V", "a.jpg_large", "St.Bernard"])
def test_without_a_known_extension_the_content_decides(picture: Path, root: Path, name: str) -> None:
    copy(picture, root / name)
    (root / f"text {name}").write_text("no picture")
    (root / f"empty {name}").touch()
    assert names(root) == [name]
    assert len(look_into(root).others) == 2


@pytest.mark.parametrize(
    "leftover",
    [
        ".hidden.png",
        "._a.png",
        ".DS_Store",
        "Thumbs.db",
        "THUMBS.DB",
        "desktop.ini",
        "Icon\r",
        "a.png~",
        "a.jpg_original",
        "a.png.part",
        "__MACOSX/a.png",
        "$RECYCLE.BIN/a.png",
        "System Volume Information/a.png",
        "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/a.png",
        "#snapshot/a.png",
        ".@__thumb/a.png",
        "@Recycle/a.png",
        ".ipynb_checkpoints/a.png",
        ".thumbnails/a.png",
        "lost+found/a.png",
    ],
)
@pytest.mark.parametrize("where", ["", "a/b"])
def test_leftovers_are_left_out_and_counted_at_every_depth(
    picture: Path, root: Path, where: str, leftover: str
) -> None:
    copy(picture, root / where / "good.png", root / where / leftover)
    listing = look_into(root)
    assert [path.name for path in listing.files] == ["good.png"]
    assert (len(listing.leftovers), listing.others) == (1, ())
    assert listing.remarks() == [f"hidden or generated, left out: 1 ({shown(leftover.split('/')[0])})"]


def test_a_hidden_folder_that_is_given_itself_is_looked_into(picture: Path, tmp_path: Path) -> None:
    copy(picture, tmp_path / ".pictures" / "a.png")
    assert names(tmp_path / ".pictures") == ["a.png"]


def test_other_files_are_named_and_counted(picture: Path, root: Path) -> None:
    for number in range(7):
        (root / f"notes {number}.txt").write_text("no picture")
    copy(picture, root / "raw.NEF")
    os.mkfifo(root / "pipe.png")  # opening it would wait for ever
    os.mkfifo(root / "pipe")
    listing = look_into(root)
    assert listing.files == ()
    (remark,) = listing.remarks()
    assert remark.startswith("other files, left out: 10 (notes 0.txt, ")
    assert remark.endswith(" and 5 more)")


@pytest.mark.parametrize("name", ["film.MP4", "a.b.m2ts", "Film.WebM", "deep/er/film.3gp", "film.mjpeg"])
def test_videos_are_found_for_who_reads_them_and_named_by_who_does_not(picture: Path, root: Path, name: str) -> None:
    copy(picture, root / name)
    if not name.endswith("mjpeg"):  # one JPEG after the other
        (root / name).write_bytes(b"a video of a kind that is not known")
    assert look_into(root, videos=True).files == (root / name,)
    assert look_into(root, videos=True).remarks() == []
    listing = look_into(root)
    assert (listing.files, listing.others) == ((), ())
    assert listing.remarks() == [f"videos, left out: 1 ({name}); `sightstream stream` sends videos"]


@pytest.mark.parametrize("name", ["film.mp4", "film.WEBM", "film.ts"])
def test_a_picture_that_is_called_a_video_is_a_picture(picture: Path, root: Path, name: str) -> None:
    copy(picture, root / name)
    for listing in (look_into(root), look_into(root, videos=True)):
        assert (listing.files, listing.remarks()) == ((root / name,), [])


@pytest.mark.parametrize("name", ["film", "film.ts", "film.MTS", "film.v2"])
def test_a_video_without_a_known_extension_is_known_by_its_content(root: Path, name: str) -> None:
    write_video(root / "film.ts").rename(root / name)
    (root / "code.ts").write_text("export const video = 1;")
    listing = look_into(root, videos=True)
    assert (listing.files, listing.others) == ((root / name,), (root / "code.ts",))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animated_picture_is_a_picture(root: Path, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(root / "moving", kind, save_all=True, append_images=frames[1:])
    assert look_into(root, videos=True).files == look_into(root).files == (root / "moving",)


def test_links_to_folders_are_followed_once(picture: Path, root: Path, tmp_path: Path) -> None:
    copy(picture, tmp_path / "elsewhere" / "a.png", root / "real" / "b.png")
    (root / "cats").symlink_to(tmp_path / "elsewhere")
    (root / "dogs").symlink_to(tmp_path / "elsewhere")
    (root / "alias").symlink_to("real")
    listing = look_into(root)
    assert names(root) == ["cats/a.png", "real/b.png"]
    assert len(listing.problems) == 2
    assert all("looked at already" in each for each in listing.problems)


@pytest.mark.parametrize("target", [".", "..", "../..", "/", "loop"])
def test_links_that_lead_in_circles_are_not_followed(picture: Path, root: Path, target: str) -> None:
    copy(picture, root / "in" / "a.png")
    (root / "in" / "loop").symlink_to(target)
    assert names(root) == ["in/a.png"]
    assert any("loop" in each for each in look_into(root).remarks())


def test_links_that_lead_in_circles_outside_are_not_followed(picture: Path, root: Path, tmp_path: Path) -> None:
    copy(picture, tmp_path / "one" / "a.png", tmp_path / "two" / "b.png")
    (root / "one").symlink_to(tmp_path / "one")
    (tmp_path / "one" / "two").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "one").symlink_to(tmp_path / "one")
    assert names(root) == ["one/a.png", "one/two/b.png"]


def test_a_picture_that_is_a_broken_link_is_left_to_who_reads_it(root: Path) -> None:
    (root / "gone.png").symlink_to("nowhere.png")
    (root / "gone").symlink_to("nowhere")
    listing = look_into(root)
    assert (listing.files, listing.others) == ((root / "gone.png",), (root / "gone",))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        look_into(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "text"),
    [(b"caf\xe9.png", r"caf\xe9.png"), (b"\xff\xfe", r"\xff\xfe"), ("café".encode(), "café"), (b"a\nb", r"a\nb")],
)
def test_any_name_is_shown_on_one_line(picture: Path, root: Path, name: bytes, text: str) -> None:
    copy(picture, root / os.fsdecode(name))
    (path,) = look_into(root).files
    assert shown(path.name) == text
    utf8(str(path)).encode()


@pytest.mark.parametrize(
    "name", ["cups", "my cups", "it's", "$HOME", "a\nb", "caf\udce9", "caf\udce9'\\ 1", "tasse à café", "*", "-o"]
)
def test_a_quoted_name_is_the_same_name_in_a_shell(name: str) -> None:
    typed = f"printf %s {quoted(name)}"
    assert typed.isprintable()
    output = subprocess.run(["bash", "-c", typed], capture_output=True, check=True).stdout
    assert os.fsdecode(output).removeprefix("./") == name


def test_a_name_is_quoted_so_that_no_command_takes_it_for_an_option() -> None:
    assert quoted("--help") == "./--help"


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(number, "picture") for number in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
    assert [counted(number, "class", "classes") for number in (1, 7)] == ["1 class", "7 classes"]

"""The parts of a JPEG file."""

import pytest

from models.images import UnreadableFrame, read_picture
from models.pictures.jpeg import scans, without_metadata
from tests.fakes.pictures import encoded, scene, with_jpeg_segment

JPEG = encoded(scene())
PROGRESSIVE = encoded(scene(), progressive=True)


def test_the_scans_of_the_first_picture_are_counted() -> None:
    assert scans(JPEG) == 1
    assert scans(PROGRESSIVE) == PROGRESSIVE.count(b"\xff\xda") > 5
    assert scans(PROGRESSIVE + PROGRESSIVE) == scans(PROGRESSIVE)


def test_a_scan_of_a_thumbnail_is_not_counted() -> None:
    assert scans(with_jpeg_segment(PROGRESSIVE, 0xE1, b"Exif\0\0" + JPEG)) == scans(PROGRESSIVE)


def test_a_picture_without_metadata_is_not_copied() -> None:
    same, orientation = without_metadata(JPEG)
    assert same is JPEG
    assert orientation == 1


def test_what_says_how_colours_are_stored_is_kept() -> None:
    cmyk = encoded(scene().convert("CMYK"))
    assert b"Adobe" in cmyk
    assert without_metadata(with_jpeg_segment(cmyk, 0xE2, b"ICC_PROFILE\0\x01\x01"))[0] == cmyk


@pytest.mark.parametrize(
    ("marker", "bits", "sentence"),
    [
        (0xC3, 8, "JPEG with lossless coding is not read: save it as an ordinary JPEG first"),
        (0xC5, 8, "JPEG with hierarchical coding is not read"),
        (0xC1, 12, "JPEG with 12 bits a channel is not read"),
        (0xC3, 16, "JPEG with lossless coding is not read"),
    ],
)
def test_forms_that_no_browser_reads_are_named(marker: int, bits: int, sentence: str) -> None:
    start = JPEG.index(b"\xff\xc0")
    picture = JPEG[:start] + bytes([0xFF, marker, 0, 17, bits]) + JPEG[start + 5 :]
    with pytest.raises(UnreadableFrame, match=sentence):
        read_picture(picture, 64)


@pytest.mark.parametrize("share", [0.4, 0.7, 0.99])
def test_a_copy_that_broke_off_and_was_filled_with_zeros_is_cut_off(share: float) -> None:
    whole = int(len(JPEG) * share)
    with pytest.raises(UnreadableFrame, match="the JPEG is cut off or damaged: copy it again"):
        read_picture(JPEG[:whole].ljust(whole + 4096, b"\0"), 64)

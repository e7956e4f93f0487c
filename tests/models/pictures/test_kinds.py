"""What a file is, by its first bytes."""

import gzip
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import models.pictures
from models.pictures.kinds import HEAD, KINDS, PICTURE_SUFFIXES, SENTENCES, is_picture, kind_of, refusal
from tests.fakes.pictures import encoded, scene

TABLE = json.loads((Path(models.pictures.__file__).parent / "kinds.json").read_text(encoding="utf-8"))
JPEG = encoded(scene())


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.jpg", JPEG)
    return file.getvalue()


def ftyp(major: str, *compatible: str) -> bytes:
    brands = "".join((major, "\0\0\0\0", *compatible)).encode()
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\0\x08free"


NOT_READ = {  # files of kinds that are not read, and what is said about them
    "HEIC": (ftyp("heic", "mif1", "heic"), "HEIC: save it as JPEG first"),
    "HEIC of several pictures": (ftyp("msf1", "hevc", "mif1"), "HEIC: save it as JPEG first"),
    "HEIF of unknown coding": (ftyp("mif1", "mif1", "miaf"), "HEIF: save it as JPEG first"),
    "JPEG 2000": (encoded(scene(), "JPEG2000"), "JPEG 2000: save it as JPEG first"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f\x01", "JPEG XL: save it as JPEG first"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JPEG XL: save it as JPEG first"),
    "JPEG-LS": (b"\xff\xd8\xff\xf7\0\x0b\x08", "JPEG-LS: save it as PNG first"),
    "PPM": (encoded(scene(), "PPM"), "PPM, PGM or PBM: save it as PNG first"),
    "PGM": (encoded(scene().convert("L"), "PPM"), "PPM, PGM or PBM: save it as PNG first"),
    "QOI": (encoded(scene(), "QOI"), "QOI: save it as PNG first"),
    "TGA": (encoded(scene(), "TGA"), "TGA: save it as PNG first"),
    "TGA, run lengths": (encoded(scene().convert("L"), "TGA", compression="tga_rle"), "TGA: save it as PNG first"),
    "TGA with a palette": (encoded(scene().quantize(), "TGA"), "TGA: save it as PNG first"),
    "Canon raw": (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw file: save it as JPEG first"),
    "Canon raw 3": (ftyp("crx ", "crx ", "isom"), "a camera's raw file: save it as JPEG first"),
    "Fujifilm raw": (b"FUJIFILMCCD-RAW 0201", "a camera's raw file: save it as JPEG first"),
    "Photoshop": (b"8BPS\0\x01\0\0", "a Photoshop file (PSD): save it as JPEG first"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG: save it as PNG first"),
    "SVG as editors write it": (
        b'<?xml version="1.0"?>\n<!-- made by > an editor -->\n<svg width="9"/>',
        "SVG: save it as PNG first",
    ),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "PDF: save it as JPEG first"),
    "PDF after a line": (b"\r\n%PDF-1.4", "PDF: save it as JPEG first"),
    "web page": (
        b"\n<!DOCTYPE html><title>404</title>",
        "a web page (HTML), not a picture: download the picture itself",
    ),
    "XHTML": (
        b'\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html><svg/>',
        "a web page (HTML), not a picture: download the picture itself",
    ),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "a Git LFS pointer, not the picture itself: run `git lfs pull`",
    ),
    "icon of a Mac": (encoded(scene(64, 64), "ICNS"), "a Mac's icon (ICNS): save it as PNG first"),
    "DICOM": (bytes(128) + b"DICM", "DICOM: save it as PNG first"),
    "MP4": (ftyp("isom", "isom", "mp41"), "a video, not a picture: `sightstream stream` sends videos"),
    "QuickTime": (b"\0\0\0\x08wide\0\0\0\0mdat", "a video, not a picture: `sightstream stream` sends videos"),
    "WebM": (b"\x1a\x45\xdf\xa3\x01\0\0\0", "a video, not a picture: `sightstream stream` sends videos"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "a video, not a picture: `sightstream stream` sends videos"),
    "transport stream": ((b"\x47" + bytes(187)) * 4, "a video, not a picture: `sightstream stream` sends videos"),
    "WAV": (b"RIFF\0\0\0\0WAVEfmt ", "a sound file, not a picture"),
    "MP3": (b"ID3\x03\0\0", "a sound file, not a picture"),
    "ZIP": (zipped(), "an archive, not a picture: unpack it first"),
    "gzip": (gzip.compress(JPEG), "an archive, not a picture: unpack it first"),
    "AppleDouble": (b"\0\x05\x16\x07\0\x02", "what a Mac leaves beside a file (AppleDouble), not the picture itself"),
    "program": (b"\x7fELF\x02\x01", "a program, not a picture"),
    "text": (b'{"error": "not found"}', "a text, not a picture"),
    "text in UTF-8": ("Größe: 3".encode(), "a text, not a picture"),
    "text that begins as a bitmap": (b"BM is short", "a text, not a picture"),
    "text that begins as a PGM": (b"P5 is a post code", "a text, not a picture"),
    "zero bytes": (bytes(100_000), "nothing but zero bytes: copy it again"),
    "nothing": (b"", "an empty file: copy it again"),
    "noise": (bytes(range(256)), "not a picture of a known kind"),
    "a start only": (b"\x89PN", "not a picture of a known kind"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_is_named_with_what_to_do(name: str) -> None:
    data, sentence = NOT_READ[name]
    assert refusal(data[:HEAD]) == sentence


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "ICO", "TIFF"])
def test_every_kind_that_is_read_is_known_by_its_first_bytes(kind: str) -> None:
    head = encoded(scene(32, 32), kind)[:HEAD]
    found = kind_of(head)
    assert found is not None
    assert (found.name, refusal(head), is_picture(head)) == (kind, "", True)


@pytest.mark.parametrize("brands", [("avif",), ("avis", "msf1"), ("mif1", "mif1", "avif"), ("miaf", "avif", "mif1")])
def test_avif_may_be_named_by_any_of_its_brands(brands: tuple[str, ...]) -> None:
    found = kind_of(ftyp(*brands))
    assert found is not None
    assert (found.name, found.refused) == ("AVIF", "")


def test_the_kinds_that_are_read_are_those_of_the_browsers_and_tiff() -> None:
    read = {kind.name for kind in KINDS if not kind.refused}
    assert read == {"JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "ICO", "TIFF"}
    assert all(Image.MIME[name.upper()] for name in read)  # Pillow knows them by the same names


@pytest.mark.parametrize("name", ["HEIC", "JPEG XL", "PPM", "QOI", "TGA"])
def test_pictures_of_other_kinds_are_pictures_too(name: str) -> None:
    assert is_picture(NOT_READ[name][0][:HEAD])


@pytest.mark.parametrize("name", ["nothing", "text that begins as a bitmap", "WAV", "MP4", "SVG", "PDF", "noise"])
def test_other_content_is_no_picture(name: str) -> None:
    assert not is_picture(NOT_READ[name][0][:HEAD])


def test_suffixes_are_in_small_letters_with_their_dot() -> None:
    assert {".jpg", ".heic", ".tiff"} < PICTURE_SUFFIXES
    assert all(re.fullmatch(r"\.[a-z0-9]+", suffix) for suffix in PICTURE_SUFFIXES)


def test_the_rules_are_written_in_what_python_and_javascript_have_in_common() -> None:
    for entry in TABLE["kinds"]:
        rule = entry["begins"]
        assert rule.isascii()
        assert not re.search(r"\\[^xnrt0.?*+{}\\]|\(\?[^:!]|[*+}]\+|\\x(?![0-9a-f]{2})", rule), rule


def test_every_sentence_says_in_one_line_what_is_wrong() -> None:
    sentences = [entry["refused"] for entry in TABLE["kinds"] if "refused" in entry] + list(SENTENCES.values())
    assert all(sentence and sentence == sentence.strip() and sentence.isprintable() for sentence in sentences)


@pytest.mark.parametrize("filler", [b"<!---->", b"<?>", b"%PD", b"\0" * 2047 + b"a", b"\0\0\0 ftypmif1", b"P5 \n"])
def test_no_head_takes_long(filler: bytes) -> None:
    head = (filler * HEAD)[:HEAD]
    for _ in range(200):  # 0.01 s; a rule that tries all ways to match would not end
        kind_of(head)

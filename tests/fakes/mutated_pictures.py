"""Damaged picture files of all formats, and what the reader says about many of them.

    python -m tests.fakes.mutated_pictures [COUNT [SEED]]

prints one JSON object: how many were read, what was said about the others, the slowest and the memory.
"""

import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from models.images import BadFrame, read_picture
from models.pictures.kinds import kind_of
from tests.fakes.pictures import encoded, png_chunk, scene, with_png_chunk
from tests.fakes.processes import peak_memory

SIZE = 32  # pixels a side that are asked for
_EXTREMES = (
    b"\x00",
    b"\xff",
    b"\x00\x00",
    b"\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x00\x00\x00",
)
_PNG_CHUNKS = (
    b"eXIf",
    b"zTXt",
    b"iTXt",
    b"tEXt",
    b"iCCP",
    b"gAMA",
    b"tRNS",
    b"PLTE",
    b"acTL",
    b"fcTL",
    b"sBIT",
    b"tIME",
)
_WEBP_CHUNKS = (b"EXIF", b"ICCP", b"XMP ", b"ALPH", b"ANIM", b"ANMF", b"VP8X", b"VP8 ")


def samples() -> list[bytes]:
    """A small sound picture in each format and most of its forms."""
    noise = np.random.default_rng(1).integers(0, 60, (80, 96, 3))
    colour = Image.fromarray((np.asarray(scene(96, 80)) // 2 + noise).astype(np.uint8))
    grey, clear, others = colour.convert("L"), colour.copy(), [colour.rotate(9), colour.rotate(30)]
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112] = 6
    greys = np.asarray(grey)
    return [
        encoded(colour, exif=exif),
        encoded(colour, progressive=True, comment=b"a comment"),
        encoded(colour.convert("CMYK")),
        encoded(colour, "MPO", save_all=True, append_images=others),
        encoded(colour, "PNG", exif=exif),
        encoded(clear, "PNG"),
        encoded(colour.quantize(16), "PNG", transparency=3),
        encoded(Image.fromarray(greys.astype(np.uint16) * 257), "PNG"),
        encoded(colour, "PNG", save_all=True, append_images=others),
        encoded(colour, "GIF", comment=b"a comment"),
        encoded(colour, "GIF", save_all=True, append_images=others, disposal=2),
        encoded(clear, "WEBP", exif=exif),
        encoded(colour, "WEBP", lossless=True),
        encoded(colour, "WEBP", save_all=True, append_images=others),
        encoded(colour, "AVIF", exif=exif),
        encoded(colour, "AVIF", save_all=True, append_images=others),
        encoded(clear, "AVIF"),
        encoded(colour, "BMP"),
        encoded(colour.quantize(16), "BMP"),
        run_lengths_bmp(),
        encoded(colour, "ICO", sizes=[(16, 16), (64, 64)]),
        encoded(clear, "ICO", sizes=[(16, 16), (64, 64)], bitmap_format="bmp"),
        encoded(colour, "TIFF", exif=exif),
        *(
            encoded(colour, "TIFF", compression=each)
            for each in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
        ),
        encoded(grey.convert("1"), "TIFF", compression="group4"),
        encoded(Image.fromarray(greys.astype(np.int32) * 257), "TIFF"),
        encoded(Image.fromarray(greys.astype(np.float32) / 255), "TIFF", compression="tiff_lzw"),
        encoded(clear, "TIFF", big_tiff=True),
    ]


def run_lengths_bmp() -> bytes:
    """A BMP of 64 by 48 pixels in 256 colours, with run lengths."""
    rows = b"".join(bytes([32, 4 * row, 0, 4, row, 1, 2, 3, 28, 9, 0, 0]) for row in range(48)) + b"\0\1"
    palette = b"".join(bytes([each, 255 - each, each // 2, 0]) for each in range(256))
    header = struct.pack("<IiiHHIIiiII", 40, 64, 48, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + header + palette + rows


def mutated(chance: random.Random, sound: list[bytes]) -> bytes:
    """One of the sound files, with one to three damages."""
    data = chance.choice(sound)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(_MUTATIONS)(chance, data, sound)
    return with_checksums(data) if chance.random() < 0.5 else data


def with_checksums(png: bytes) -> bytes:
    """The PNG with right checksums, so that a decoder gets to see the damage. Other files as they are."""
    if not png.startswith(b"\x89PNG"):
        return png
    place, parts = 8, [png[:8]]
    while place + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        parts.append(png_chunk(name, png[place + 8 : place + 8 + length]))
        place += 12 + length
    return b"".join(parts)


def _flip_bits(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    changed = bytearray(data)
    reach = chance.choice((64, 1024, len(changed)))
    for _ in range(chance.randint(1, 12)):
        if changed:
            changed[chance.randrange(min(reach, len(changed)))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _lose_a_part(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    start = chance.randint(0, len(data))
    return data[:start] + data[start + chance.randint(1, 200) :]


def _swap_parts(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    one, two, three = sorted(chance.randint(0, len(data)) for _ in range(3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def _fill_with_zeros(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    start = chance.randint(0, len(data))
    end = chance.choice((len(data), min(len(data), start + 300)))
    return data[:start] + bytes(end - start) + data[end:]


def _insert_noise(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    place = chance.choice((chance.randint(0, len(data)), len(data)))
    return data[:place] + chance.randbytes(chance.randint(1, 300)) + data[place:]


def _set_extremes(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    for _ in range(chance.randint(1, 3)):
        place, value = chance.randint(0, min(len(data), chance.choice((64, 400)))), chance.choice(_EXTREMES)
        data = data[:place] + value + data[place + len(value) :]
    return data


def _join_with_another(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    other = chance.choice(sound)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _insert_a_chunk(chance: random.Random, data: bytes, sound: list[bytes]) -> bytes:
    content = chance.choice((chance.randbytes(chance.randint(0, 60)), b"Exif\0\0II*\0" + chance.randbytes(30), b""))
    if data.startswith(b"\xff\xd8"):
        length = chance.choice((len(content) + 2, 0, 1, 60_000))
        segment = bytes([0xFF, chance.randint(0xC0, 0xFE)]) + struct.pack(">H", length) + content
        return data[:2] + segment + data[2:]
    if data.startswith(b"\x89PNG"):
        return with_png_chunk(data, png_chunk(chance.choice(_PNG_CHUNKS), content))
    if data[8:12] == b"WEBP":
        return data[:12] + chance.choice(_WEBP_CHUNKS) + struct.pack("<I", len(content)) + content + data[12:]
    if data[:4] == b"II*\0" and len(data) > 8:  # another value for one of the fields
        entry = int.from_bytes(data[4:8], "little") + 2 + 12 * chance.randint(0, 14)
        field = struct.pack("<HHII", chance.randint(254, 345), chance.randint(1, 12), chance.choice((1, 3, 2**31)), 9)
        return data[:entry] + field + data[entry + 12 :]
    return _insert_noise(chance, data, sound)


_MUTATIONS: list[Callable[[random.Random, bytes, list[bytes]], bytes]] = [
    _flip_bits,
    _cut,
    _lose_a_part,
    _swap_parts,
    _fill_with_zeros,
    _insert_noise,
    _set_extremes,
    _join_with_another,
    _insert_a_chunk,
]


def mutations(count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged files, the same for the same seed."""
    chance, sound = random.Random(seed), samples()
    for _ in range(count):
        yield mutated(chance, sound)


def main(count: int = 20_000, seed: int = 0) -> None:
    """Reads `count` damaged files. An exception that is not the reader's own ends it."""
    said: Counter[str] = Counter()
    read: Counter[str] = Counter()
    slowest = 0.0
    for number, data in enumerate(mutations(count, seed)):
        started = time.perf_counter()
        try:
            pixels = read_picture(data, SIZE)
        except BadFrame as error:
            said[str(error)] += 1
        except BaseException:
            print(f"picture {number} of seed {seed}", file=sys.stderr)
            raise
        else:
            assert pixels.shape == (SIZE, SIZE, 3)
            assert pixels.dtype == np.uint8
            kind = kind_of(data)
            read[kind.name if kind else "?"] += 1
        slowest = max(slowest, time.perf_counter() - started)
    result = {"pictures": count, "read": read, "refused": said, "slowest_s": slowest, "peak_memory": peak_memory()}
    print(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

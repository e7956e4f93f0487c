"""Damaged videos, to see that reading one raises only its own error, in bounded memory and time.

python -m tests.fakes.mutated_videos [COUNT [SEED]]
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from infra.client.video_file import BadVideo
from infra.client.videos import read_video
from tests.fakes.mutated_pictures import mutated
from tests.fakes.processes import peak_memory
from tests.fakes.videos import CONTAINERS, quarters, write_sound, write_video

VARIANTS: list[dict[str, Any]] = [
    {},
    {"options": {"movflags": "faststart"}},
    {"options": {"movflags": "frag_keyframe+empty_moov"}},
    {"matrix": (0, 1, -1, 0)},
    {"picture": Image.effect_noise((64, 48), 90).convert("RGB")},
]


def samples(folder: Path) -> dict[str, list[bytes]]:
    """Sound videos by suffix, of all containers that can be made here."""
    sound: dict[str, list[bytes]] = {}
    for suffix in CONTAINERS:
        variants = VARIANTS if suffix in (".mp4", ".mov") else [VARIANTS[0], VARIANTS[-1]]
        videos = [write_video(folder / f"film{suffix}", frames=8, **each).read_bytes() for each in variants]
        sound[suffix] = videos
    sound[".mp4"].append(write_sound(folder / "sound.mp4", cover=quarters()).read_bytes())
    return sound


def read_mutations(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Reads `count` damaged videos in `folder`. Raises what is not the reader's own error. Returns what happened."""
    chance, sound = random.Random(seed), samples(folder)
    said: Counter[str] = Counter()
    frames = 0
    slowest = 0.0
    for number in range(count):
        suffix = chance.choice([*sound])
        film = folder / f"mutated{suffix}"
        film.write_bytes(mutated(chance, sound[suffix]))
        started = time.perf_counter()
        try:
            for picture in read_video(film):
                assert picture.mode == "RGB"
                frames += 1
            said["read to its end"] += 1
        except BadVideo as error:
            said[" ".join("#" if each.isdigit() else each for each in str(error).split())] += 1
        except BaseException:
            print(f"video {number} of seed {seed}, {film}", file=sys.stderr)
            raise
        slowest = max(slowest, time.perf_counter() - started)
    return {"videos": count, "frames": frames, "said": said, "slowest_s": slowest, "peak_memory": peak_memory()}


def main(count: int = 2000, seed: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(read_mutations(Path(folder), count, seed), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

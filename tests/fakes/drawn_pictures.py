"""Small pictures and folders of them."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "grey": (120, 120, 120)}


def write_noise(path: Path, seed: int) -> Path:
    """Writes a picture that is different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return path


def write_class_folders(root: Path, classes: dict[str, int], first_seed: int = 0) -> Path:
    """Writes class folders to `root`, each with the given number of pictures, all of them different."""
    seed = first_seed
    for name, count in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            write_noise(root / name / f"{number}.png", seed)
            seed += 1
    return root


def write_plain(path: Path, colour: str, size: tuple[int, int] = (24, 16)) -> Path:
    """Writes a picture of one of COLOURS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLOURS[colour]).save(path)
    return path

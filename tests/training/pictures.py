"""Folders of small pictures for the tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def paint(path: Path, seed: int) -> Path:
    """A picture that differs for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return path


def fill(root: Path, classes: dict[str, int], first: int = 0) -> Path:
    """Class folders in `root`, each with as many pictures, no two alike."""
    seed = first
    for name, count in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            paint(root / name / f"{number}.png", seed)
            seed += 1
    return root

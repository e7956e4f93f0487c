"""A model's answers, invented."""

from pathlib import Path

import numpy as np

from tests.fakes.pictures import scene
from training.scores import Answers


def random_answers(root: Path, classes: int = 30, each: int = 4, outside: int = 20, written: int = 5) -> Answers:
    """Answers hardly better than chance, so that nearly everything is confused; `written` pictures that rotate."""
    chance = np.random.default_rng(5)
    n = classes * each
    for number in range(written):
        scene(640, 480).rotate(number * 40).save(root / f"{number}.jpg")
    return Answers(
        labels=tuple(f"class {at}" for at in range(classes)),
        truth=np.concatenate([np.repeat(np.arange(classes), each), np.full(outside, -1)]),
        probabilities=chance.dirichlet(np.full(classes, 0.2), n + outside).astype(np.float32),
        files=[f"{at % written}.jpg" for at in range(n + outside)],
        abstained=chance.random(n + outside) < 0.2,
    )

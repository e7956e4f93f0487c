"""A small run: trains on three classes of drawn pictures, in less than a minute on any CPU.

python -m training.runs.shapes [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from infra.commands import edge
from streams.contract.settings import Settings
from training.recipes import RECIPES
from training.train import TrainingPlan, TrainingResult, train

SIDE = 96  # pixels


def draw(shape: str, seed: int) -> Image.Image:
    """A picture of a "ring", of "stripes" or of "chequers"; the seed decides colours, position and noise."""
    random = np.random.default_rng([seed, sum(shape.encode())])
    back, front = (tuple(int(value) for value in random.integers(*span, 3)) for span in ((0, 90), (150, 256)))
    image = Image.new("RGB", (SIDE, SIDE), back)
    pen = ImageDraw.Draw(image)
    step = int(random.integers(10, 18))
    if shape == "ring":
        left, top = random.integers(0, SIDE // 3, 2).tolist()
        side = int(random.integers(SIDE // 2, SIDE - max(left, top)))
        pen.ellipse((left, top, left + side, top + side), outline=front, width=step // 2)
    elif shape == "stripes":
        for x in range(int(random.integers(-step, 0)), SIDE, 2 * step):
            pen.rectangle((x, 0, x + step - 1, SIDE), fill=front)
    else:
        for row in range(0, SIDE, step):
            for column in range(row // step % 2 * step, SIDE, 2 * step):
                pen.rectangle((column, row, column + step - 1, row + step - 1), fill=front)
    noisy = np.asarray(image).astype(np.int16) + random.integers(-20, 21, (SIDE, SIDE, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def write_pictures(root: Path, per_class: int = 24) -> Path:
    """Writes one class folder for each shape to `root`, without splits; the same pictures every time."""
    for place, shape in enumerate(("ring", "stripes", "chequers"), start=1):
        folder = root / f"{place:03d}.{shape}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            draw(shape, number).save(folder / f"{number:03d}.png")
    return root


def run(folder: Path, recipe: str = RECIPES[0], seed: int = 0) -> TrainingResult:
    """Draws pictures into `folder`/pictures and trains on them; the bundle is in `folder`/bundle."""
    data = write_pictures(folder / "pictures")
    plan = TrainingPlan(data, "efficientnet_lite0", recipe, name="shapes", size=SIDE, seed=seed)
    return train(plan, folder / "bundle", Settings.from_environ().cache)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="sightstream-shapes-"))
    result = run(folder)
    scores = result.bundle.manifest.about["scores"]["test"]
    print(f"{scores['top1']:.1%} of {scores['n']} test pictures; the bundle is {result.bundle.folder}")


if __name__ == "__main__":
    edge.run(main)

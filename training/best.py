"""The recipe `best`: a linear head drawn to what the network knew, its penalty chosen on validation.

What was tried beside it, and what that gave, is in training/LOG.md.
"""

import numpy as np

from models.networks import Head
from training.linear import Linear, accuracy, cross_entropy, fit, likeness, prior
from training.recipes import Progress, TrainedHead, TrainingData

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01)
# Pictures are looked at larger than the network was taught at: Touvron et al. 2019 (arXiv:1906.06423) say why.
LARGER = 1.15
ALIKE = 0.02  # a known class that makes up as much of one of ours is no background


def larger(input_size: int) -> int:
    """The size in pixels to train and serve at, for a network of this input size: a multiple of 4."""
    return round(input_size * LARGER / 4) * 4


def best(lesson: TrainingData, seed: int, progress: Progress) -> TrainedHead:
    """The head of the penalty that names most of validation; of equals the likelier. The seed plays no part."""
    like = likeness(lesson.train, lesson.train_labels, lesson.classes, lesson.known)
    start = prior(like, lesson.known)
    tried: dict[float, Linear] = {}
    worth: dict[float, tuple[float, float]] = {}
    curves: dict[float, list[float]] = {}
    for number, penalty in enumerate(PENALTIES):
        curve = curves[penalty] = []

        def heard(step: int, loss: float, curve: list[float] = curve, number: int = number) -> None:
            curve.append(round(loss, 5))
            progress(f"penalty {PENALTIES[number]:g}, step {step}", (number + min(step / 100, 0.95)) / len(PENALTIES))

        # each looks first where the one before it ended: a path of heads, and few steps from one to the next
        begin = tried.get(PENALTIES[number - 1], start)
        tried[penalty] = fit(lesson.train, lesson.train_labels, start, penalty, begin=begin, progress=heard)
        worth[penalty] = _worth(tried[penalty], lesson)
        if len(worth) > 2 and max(worth.values()) > max([*worth.values()][-2:]):
            break  # twice in a row no better: it only gets worse from here
    chosen = max(worth, key=lambda penalty: worth[penalty])
    background = lesson.known.columns(like.max(axis=0) < ALIKE)
    head = _joined(tried[chosen], background)
    return TrainedHead(
        Head(lesson.classes, background=background.classes),
        {"logits": [head.weights, head.bias]},
        head,
        {"loss on train": curves[chosen]},
        {
            "penalty": chosen,
            "tried": {
                f"{penalty:g}": round(accuracy(each(lesson.valid), lesson.valid_labels), 4)
                for penalty, each in tried.items()
            },
            "before any step": round(accuracy(start(lesson.valid), lesson.valid_labels), 4),
        },
    )


def _worth(head: Linear, lesson: TrainingData) -> tuple[float, float]:
    logits = head(lesson.valid)
    return accuracy(logits, lesson.valid_labels), -cross_entropy(logits, lesson.valid_labels)


def _joined(first: Linear, second: Linear) -> Linear:
    return Linear(np.hstack([first.weights, second.weights]), np.concatenate([first.bias, second.bias]))

"""The recipe `best`: a linear head with a prior from ImageNet; validation chooses the strength of the prior.

training/LOG.md says what else was tried, and the results.
"""

import math

import numpy as np

from models.networks import Head
from training.linear import accuracy, cross_entropy, fit_head, prior_head, similarities
from training.recipes import LinearHead, Progress, Recipe, TrainedHead, TrainingData

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01)
# Larger pictures than the network was trained at give better accuracy: Touvron et al. 2019 (arXiv:1906.06423).
SIZE_FACTOR = 1.15
# The share of pictures that show none of the classes, before the picture is looked at. Without it a few classes would
# have a share of a few in 1,000, as in ImageNet.
NONE_SHARE = 0.75
MAX_BACKGROUND_SIMILARITY = 0.02  # an ImageNet class that resembles one of our classes more is not background


def input_size(network_size: int) -> int:
    """SIZE_FACTOR times the input size of the published network, in pixels, rounded to a multiple of 4."""
    return round(network_size * SIZE_FACTOR / 4) * 4


def fit(data: TrainingData, seed: int, progress: Progress) -> TrainedHead:
    """The head with the penalty of the best validation accuracy; among equals, the one with the lowest loss.

    ImageNet classes that resemble none of the classes become its background logits. Their bias is changed so that
    together they have the prior probability NONE_SHARE. The seed has no effect: the problem is convex.
    """
    similarity = similarities(data.train, data.train_labels, data.classes, data.published_head)
    prior = prior_head(similarity, data.published_head)
    heads: dict[float, LinearHead] = {}
    results: dict[float, tuple[float, float]] = {}
    curves: dict[float, list[float]] = {}
    initial = prior
    for number, penalty in enumerate(PENALTIES):
        curve = curves[penalty] = []

        def after_step(step: int, loss: float, curve: list[float] = curve, number: int = number) -> None:
            curve.append(round(loss, 5))
            progress(f"penalty {PENALTIES[number]:g}, step {step}", (number + min(step / 100, 0.95)) / len(PENALTIES))

        # starting at the previous head, each fit needs only a few steps
        initial = fit_head(data.train, data.train_labels, prior, penalty, initial=initial, progress=after_step)
        heads[penalty] = initial
        results[penalty] = _validate(initial, data)
        if len(results) > 2 and max(results.values()) > max([*results.values()][-2:]):
            break  # two penalties in a row brought no improvement, and weaker ones only overfit more
    chosen = max(results, key=lambda penalty: results[penalty])
    background = data.published_head.columns(similarity.max(axis=0) < MAX_BACKGROUND_SIMILARITY)
    shift = np.float32(background_shift(data.classes, len(background.bias)))
    head = LinearHead(
        np.hstack([heads[chosen].weights, background.weights]),
        np.concatenate([heads[chosen].bias, background.bias + shift]),
    )
    return TrainedHead(
        Head(data.classes, background=len(background.bias)),
        {"logits": [head.weights, head.bias]},
        head,
        {"loss on train": curves[chosen]},
        {
            "penalty": chosen,
            "tried": {f"{penalty:g}": round(valid_accuracy, 4) for penalty, (valid_accuracy, _) in results.items()},
            "before any step": round(accuracy(prior(data.valid), data.valid_labels), 4),
        },
    )


def background_shift(classes: int, background: int) -> float:
    """What is added to the bias of each background logit, so that together they have the prior NONE_SHARE.

    The published head gives each of its classes the same prior. Changing it adds the logarithm of the change in odds
    (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21-41).
    """
    return math.log(NONE_SHARE / (1 - NONE_SHARE) * classes / max(1, background))


def _validate(head: LinearHead, data: TrainingData) -> tuple[float, float]:
    """The accuracy and the negative loss on validation: greater is better."""
    logits = head(data.valid)
    return accuracy(logits, data.valid_labels), -cross_entropy(logits, data.valid_labels)


RECIPE = Recipe(fit, input_size)

"""A recipe turns features and labels into a trained head. This module has its types and the list of recipes.

A recipe called `NAME` is the module `training/NAME.py` with a constant `RECIPE`, and an entry in `RECIPES`. It is
imported when it is used, so that a command can list the recipes without loading Keras or SciPy.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.networks import Head

RECIPES = ("best", "classic")  # the first is the default

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Progress = Callable[[str, float], object]  # the current activity, and how much of it is done, 0 to 1


class UnknownRecipe(ValueError):
    """There is no recipe with this name."""


@dataclass(frozen=True)
class LinearHead:
    """A head without hidden layers: weights (width, classes) and bias (classes,), both float32."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """The logits (n, classes) of features (n, width): `features @ weights + bias`."""
        logits: NDArray[np.float32] = features @ self.weights + self.bias
        return logits

    def columns(self, classes: NDArray[np.integer] | NDArray[np.bool_]) -> "LinearHead":
        """The head of the chosen classes only; `classes` are their indices or a mask (classes,)."""
        return LinearHead(self.weights[:, classes], self.bias[classes])


@dataclass(frozen=True)
class TrainingData:
    """What a recipe learns from: features (n, width) and labels (n,), 0 to `classes` - 1, of two splits.

    `published_head` is the head of the published network, for the same features: 1,000 ImageNet classes.
    """

    train: Features
    train_labels: Labels
    valid: Features
    valid_labels: Labels
    classes: int
    published_head: LinearHead


@dataclass(frozen=True)
class TrainedHead:
    """A head and its weights.

    `layers` maps the layer names of `models.networks.with_head` to the arrays that Keras keeps for each layer.
    `logits` computes (n, classes + background) from features (n, width). `curves` (a value a step or an epoch) and
    `notes` go into the report and the manifest.
    """

    head: Head
    layers: Mapping[str, list[NDArray[np.float32]]]
    logits: Callable[[Features], NDArray[np.float32]]
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def same_size(network_size: int) -> int:
    """The input size that the published network was trained at."""
    return network_size


@dataclass(frozen=True)
class Recipe:
    """`fit(data, seed, progress)` trains a head.

    `input_size` gives the picture size (pixels a side) to train and serve at, from the size of the published network.
    """

    fit: Callable[[TrainingData, int, Progress], TrainedHead]
    input_size: Callable[[int], int] = same_size


def load_recipe(name: str) -> Recipe:
    """The recipe with this name. Raises UnknownRecipe."""
    if name not in RECIPES:
        raise UnknownRecipe(f"no recipe is called {name!r}; choose one of {', '.join(RECIPES)}")
    recipe: Recipe = importlib.import_module(f"training.{name}").RECIPE
    return recipe

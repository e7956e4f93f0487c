"""What a recipe is: features and labels in, a head out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.networks import Head
from training.linear import Features, Linear

Labels = NDArray[np.int64]
Progress = Callable[[str, float], object]  # what is being done, and the share of it that is, 0 to 1


@dataclass(frozen=True)
class TrainingData:
    """What there is to learn from: features (n, width) and labels (n,) of two splits, and what the network knew.

    `known` is the published network's own head, on the same features.
    """

    train: Features
    train_labels: Labels
    valid: Features
    valid_labels: Labels
    classes: int
    known: Linear


@dataclass(frozen=True)
class TrainedHead:
    """A head with its weights: `layers` holds each layer's arrays as Keras keeps them, by the names of `with_head`.

    `logits` gives (n, classes + background) for features. `curves` and `notes` are for the report.
    """

    head: Head
    layers: Mapping[str, list[NDArray[np.float32]]]
    logits: Callable[[Features], Features]
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

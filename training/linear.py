"""A linear head on pooled features, learnt from what the network knew before.

Multinomial logistic regression whose Gaussian prior stands not at zero but at the rows of the network's own ImageNet
head that the class resembles: transfer of the classifier as well as of the features, as in L2-SP (Li, Grandvalet and
Davoine 2018, arXiv:1802.01483), where fine-tuning is drawn to where it started.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from threadpoolctl import threadpool_limits

Features = NDArray[np.float32]

LIKENESS_POWER = 4  # sharpens the mixture of rows: a class is like few others


@dataclass(frozen=True)
class Linear:
    """Logits are `features @ weights + bias`: weights (width, classes), bias (classes,)."""

    weights: Features
    bias: Features

    @property
    def classes(self) -> int:
        return len(self.bias)

    def __call__(self, features: Features) -> Features:
        """Logits (n, classes) of features (n, width)."""
        logits: Features = features @ self.weights + self.bias
        return logits

    def columns(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> "Linear":
        """The head of these classes alone."""
        return Linear(self.weights[:, which], self.bias[which])


def likeness(features: Features, labels: NDArray[np.int64], classes: int, known: Linear) -> NDArray[np.float64]:
    """How much each class looks like each one the network knows: (classes, known), rows adding up to 1.

    It is the mean probability that the known head gives to the pictures of a class, raised and normed again.
    """
    probabilities = softmax(known(features).astype(np.float64), axis=1)
    mean = np.stack([probabilities[labels == label].mean(0) for label in range(classes)])
    raised: NDArray[np.float64] = mean**LIKENESS_POWER
    normed: NDArray[np.float64] = raised / raised.sum(1, keepdims=True)
    return normed


def prior(like: NDArray[np.float64], known: Linear) -> Linear:
    """Where each class's row is expected: at the mixture of the known rows that it looks like."""
    weights = known.weights.astype(np.float64) @ like.T
    bias = like @ known.bias.astype(np.float64)
    return Linear(weights.astype(np.float32), bias.astype(np.float32))


def fit(
    features: Features,
    labels: NDArray[np.int64],
    start: Linear,
    penalty: float,
    *,
    begin: Linear | None = None,
    steps: int = 200,
    progress: Callable[[int, float], object] = lambda step, loss: None,
) -> Linear:
    """The head that minimises mean cross-entropy + penalty / 2 · |weights - start.weights|², found by L-BFGS.

    It is convex: the same data give the same head, whatever the seed. `begin` is where to look first, by default at
    the start. `progress` hears of each step and its loss.
    """
    width, classes = start.weights.shape
    count = len(features)
    truth = np.zeros((count, classes), np.float32)
    truth[np.arange(count), labels] = 1

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix = flat.astype(np.float32).reshape(width + 1, classes)
        weights, bias = matrix[:-1], matrix[-1]
        log_probabilities = log_softmax(features @ weights + bias, axis=1)
        away = weights - start.weights
        value = -float((truth * log_probabilities).sum()) / count + penalty / 2 * float((away * away).sum())
        error = (np.exp(log_probabilities) - truth) / count  # (n, classes)
        gradient = np.concatenate([features.T @ error + penalty * away, error.sum(0)[None]])
        return value, gradient.astype(np.float64).ravel()

    step = 0

    def heard(intermediate_result: object) -> None:
        nonlocal step
        step += 1
        progress(step, float(getattr(intermediate_result, "fun", np.nan)))

    begin = begin or start
    first = np.concatenate([begin.weights, begin.bias[None]]).astype(np.float64).ravel()
    # L-BFGS works on many short vectors: several threads for each would wait for each other most of the time
    with threadpool_limits(1):
        found = minimize(
            loss,
            first,
            jac=True,
            method="L-BFGS-B",
            callback=heard,
            options={"maxiter": steps, "ftol": 1e-7},
        )
    matrix = found.x.astype(np.float32).reshape(width + 1, classes)
    return Linear(np.ascontiguousarray(matrix[:-1]), np.ascontiguousarray(matrix[-1]))


def cross_entropy(logits: Features, labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """The mean negative log-likelihood, in nats, of (n, classes) logits divided by the temperature."""
    scaled = logits.astype(np.float64) / temperature
    return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).mean())


def accuracy(logits: Features, labels: NDArray[np.int64]) -> float:
    """The share of (n, classes) logits that are greatest at the label."""
    return float((logits.argmax(1) == labels).mean()) if len(labels) else float("nan")

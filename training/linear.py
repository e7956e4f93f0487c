"""Multinomial logistic regression with a prior that comes from the published network's ImageNet head.

The Gaussian prior of a class is not centred at zero but at a mixture of the ImageNet classes that it resembles. So
the classifier is transferred as well as the features. L2-SP is the same idea for fine-tuning: weights are pulled
towards their pretrained values (Li, Grandvalet and Davoine 2018, arXiv:1802.01483).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from threadpoolctl import threadpool_limits

from training.recipes import Features, Labels, LinearHead

SIMILARITY_POWER = 4  # sharpens the similarities: a class resembles only a few others


def similarities(features: Features, labels: Labels, classes: int, published_head: LinearHead) -> NDArray[np.float64]:
    """How much each class resembles each ImageNet class: (classes, ImageNet classes), each row sums to 1.

    This is the mean probability that the published head gives to the pictures of a class, raised to
    SIMILARITY_POWER and normalised.
    """
    probabilities = softmax(published_head(features).astype(np.float64), axis=1)
    mean = np.stack([probabilities[labels == label].mean(0) for label in range(classes)])
    raised: NDArray[np.float64] = mean**SIMILARITY_POWER
    normalised: NDArray[np.float64] = raised / raised.sum(1, keepdims=True)
    return normalised


def prior_head(similarity: NDArray[np.float64], published_head: LinearHead) -> LinearHead:
    """The mean of the prior: for each class the mixture of the ImageNet classes that it resembles.

    `similarity` is (classes, ImageNet classes), as `similarities` gives it.
    """
    weights = published_head.weights.astype(np.float64) @ similarity.T
    bias = similarity @ published_head.bias.astype(np.float64)
    return LinearHead(weights.astype(np.float32), bias.astype(np.float32))


def fit_head(
    features: Features,
    labels: Labels,
    prior: LinearHead,
    penalty: float,
    *,
    initial: LinearHead | None = None,
    max_steps: int = 200,
    progress: Callable[[int, float], object] = lambda step, loss: None,
) -> LinearHead:
    """The head that minimises mean cross-entropy + penalty / 2 · |weights - prior.weights|², found by L-BFGS.

    The problem is convex: the same data give the same head. The search starts at `initial`, by default at the prior.
    `progress` is called after each step with the step number and the loss.
    """
    width, classes = prior.weights.shape
    count = len(features)
    one_hot = np.zeros((count, classes), np.float32)
    one_hot[np.arange(count), labels] = 1

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix = flat.astype(np.float32).reshape(width + 1, classes)
        weights, bias = matrix[:-1], matrix[-1]
        log_probabilities = log_softmax(features @ weights + bias, axis=1)
        distance = weights - prior.weights
        value = -float((one_hot * log_probabilities).sum()) / count + penalty / 2 * float((distance**2).sum())
        error = (np.exp(log_probabilities) - one_hot) / count  # (n, classes)
        gradient = np.concatenate([features.T @ error + penalty * distance, error.sum(0)[None]])
        return value, gradient.astype(np.float64).ravel()

    step = 0

    def after_step(intermediate_result: object) -> None:
        nonlocal step
        step += 1
        progress(step, float(getattr(intermediate_result, "fun", np.nan)))

    initial = initial or prior
    # L-BFGS works on many short vectors: with several threads, most of the time goes into waiting for each other
    with threadpool_limits(1):
        found = minimize(
            loss,
            np.concatenate([initial.weights, initial.bias[None]]).astype(np.float64).ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=after_step,
            options={"maxiter": max_steps, "ftol": 1e-7},
        )
    matrix = found.x.astype(np.float32).reshape(width + 1, classes)
    return LinearHead(np.ascontiguousarray(matrix[:-1]), np.ascontiguousarray(matrix[-1]))


def cross_entropy(logits: NDArray[np.float32], labels: Labels, temperature: float = 1.0) -> float:
    """The mean negative log-likelihood, in nats, of logits (n, classes) divided by the temperature."""
    scaled = logits.astype(np.float64) / temperature
    return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).mean())


def accuracy(logits: NDArray[np.float32], labels: Labels) -> float:
    """The share of rows of logits (n, classes) whose largest value is at the label; NaN when there are none."""
    return float((logits.argmax(1) == labels).mean()) if len(labels) else float("nan")

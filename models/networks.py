"""The networks: what is known about each, and one definition of each for training and serving.

The table is plain data. Keras is imported only when a network is built.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from models import runtime

CENTRE_CROP = 0.875  # 224 of 256 pixels: Keras Applications' test crop, and that of bundles which do not say theirs


@dataclass(frozen=True, slots=True)
class View:
    """How a picture becomes a network's input: its centre square, of which the side is `crop` of the picture's short
    side, is resized to `size` pixels a side.
    """

    size: int
    crop: float


@dataclass(frozen=True)
class Network:
    """An architecture and its input: pictures that are cut as `view` says, normalised as (pixel - mean) / scale."""

    name: str
    input_size: Annotated[int, Meta(ge=1, le=2048)]
    mean: Annotated[float, Meta(ge=-1e6, le=1e6)]
    scale: Annotated[float, Meta(gt=0, le=1e6)]
    crop: Annotated[float, Meta(gt=0, le=1)] = CENTRE_CROP

    @property
    def view(self) -> View:
        """How pictures are cut for it, in training and serving."""
        return View(self.input_size, self.crop)


@dataclass(frozen=True)
class Head:
    """The layers on the features: hidden layers (dense, batch norm, ReLU, dropout), then one logit for each class.

    `background` more logits follow. They are for other things that the network knows; the likelier one of these is,
    the less likely the picture shows one of the classes.
    """

    classes: Annotated[int, Meta(ge=1, le=100_000)]
    hidden: tuple[Annotated[int, Meta(ge=1, le=100_000)], ...] = ()
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    background: Annotated[int, Meta(ge=0, le=100_000)] = 0


# The crops are those of the published accuracies: for EfficientNet size / (size + 32), `CROP_PADDING` in its
# preprocessing (github.com/tensorflow/tpu, models/official/efficientnet).
NETWORKS = {
    network.name: network
    for network in (
        Network("efficientnet_lite0", 224, mean=127, scale=128, crop=224 / 256),
        Network("efficientnet_lite1", 240, mean=127, scale=128, crop=240 / 272),
        Network("efficientnet_lite2", 260, mean=127, scale=128, crop=260 / 292),
        Network("inception_v3", 299, mean=127.5, scale=127.5, crop=CENTRE_CROP),
    )
}

# `unsure_below` of the published networks, see training/LOG.md. That of inception_v3 is assumed.
UNSURE_BELOW = {
    "efficientnet_lite0": 0.35,
    "efficientnet_lite1": 0.25,
    "efficientnet_lite2": 0.25,
    "inception_v3": 0.3,
}

# The networks that Keras Applications builds, by the name of their function there.
KERAS_APPLICATIONS = {"inception_v3": "InceptionV3"}

# (width, depth) multipliers of the "lite" variants; the scaling rule is Tan & Le 2019 (arXiv:1905.11946).
_LITE_SCALING = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}
# (kernel, repeats, filters, expansion, stride) of each stage before scaling.
_LITE_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)


class UnknownNetwork(ValueError):
    """No network has this name."""


class OtherNetwork(ValueError):
    """The weights are those of another network."""


def facts(name: str) -> Network:
    """Returns what is known about a published network. Raises UnknownNetwork."""
    if name not in NETWORKS:
        raise UnknownNetwork(f"no network is called {name!r}; choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def backbone(network: str | Network) -> Any:
    """Builds a `keras.Model` from pixels (n, size, size, 3), 0 to 255, to pooled features (n, width).

    Its first layer normalises the pixels, so that no other code has to. The weights are random.
    Raises UnknownNetwork.
    """
    network = facts(network) if isinstance(network, str) else network
    facts(network.name)
    keras = runtime.keras()
    pixels = keras.Input((network.input_size, network.input_size, 3), name="pixels")
    x = keras.layers.Rescaling(1 / network.scale, -network.mean / network.scale, name="normalise")(pixels)
    if network.name in _LITE_SCALING:
        x = _efficientnet_lite(keras.layers, x, *_LITE_SCALING[network.name])
    else:
        build = getattr(keras.applications, KERAS_APPLICATIONS[network.name])
        x = build(weights=None, include_top=False, input_tensor=x).output
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(pixels, x, name=network.name)


def with_head(features: Any, head: Head) -> Any:
    """Builds the backbone with `head` on it: pixels (n, size, size, 3) to logits (n, classes + background)."""
    keras = runtime.keras()
    layers = keras.layers
    x = features.output
    for depth, width in enumerate(head.hidden):
        x = layers.Dense(width, use_bias=False, name=f"hidden{depth}")(x)
        x = layers.BatchNormalization(name=f"hidden{depth}_bn")(x)
        x = layers.ReLU(name=f"hidden{depth}_relu")(x)
        x = layers.Dropout(head.dropout, name=f"hidden{depth}_dropout")(x)
    if head.dropout and not head.hidden:
        x = layers.Dropout(head.dropout, name="dropout")(x)
    x = layers.Dense(head.classes + head.background, name="logits")(x)
    return keras.Model(features.input, x, name=features.name)


def tensors_of(model: Any) -> dict[str, np.ndarray]:
    """Returns the model's weights by name. The names, such as `017.conv2d.kernel`, are the same in every process."""
    return {name: variable.numpy() for name, variable in _variables(model).items()}


def set_tensors(model: Any, tensors: Mapping[str, np.ndarray]) -> None:
    """Sets the model's weights to what `tensors_of` returned for an equal model. Raises OtherNetwork."""
    variables = _variables(model)
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    given = {name: tensor.shape for name, tensor in tensors.items()}
    if wanted != given:
        name, shape = min(wanted.items() ^ given.items())
        raise OtherNetwork(f"weights of another network than {model.name}: {name} {shape} is in one of them only")
    for name, variable in variables.items():
        variable.assign(tensors[name])


def _variables(model: Any) -> dict[str, Any]:
    # Keras numbers its layer names across the whole process (conv2d_94), so the number is left out of our names.
    with_weights = [layer for layer in model.layers if layer.weights]
    return {
        f"{place:03d}.{re.sub(r'_[0-9]+$', '', layer.name)}.{variable.name}": variable
        for place, layer in enumerate(with_weights)
        for variable in layer.weights
    }


def _efficientnet_lite(layers: Any, x: Any, width: float, depth: float) -> Any:
    """EfficientNet without squeeze-and-excitation, with ReLU6. Stem, top, first and last stage do not scale."""
    x = _conv_bn(layers, x, partial(layers.Conv2D, 32, 3, strides=2), "stem")
    block = 0
    for stage, (kernel, repeats, filters, expansion, stride) in enumerate(_LITE_STAGES):
        if 0 < stage < len(_LITE_STAGES) - 1:
            repeats = ceil(repeats * depth)
        for repeat in range(repeats):
            before = x
            if expansion > 1:
                expand = partial(layers.Conv2D, x.shape[-1] * expansion, 1)
                x = _conv_bn(layers, x, expand, f"block{block}_expand")
            depthwise = partial(layers.DepthwiseConv2D, kernel, strides=1 if repeat else stride)
            x = _conv_bn(layers, x, depthwise, f"block{block}_depthwise")
            project = partial(layers.Conv2D, _rounded(filters * width), 1)
            x = _conv_bn(layers, x, project, f"block{block}_project", relu=False)
            if repeat:
                x = layers.Add(name=f"block{block}_add")([before, x])
            block += 1
    return _conv_bn(layers, x, partial(layers.Conv2D, 1280, 1), "top")


def _conv_bn(layers: Any, x: Any, conv: partial[Any], name: str, relu: bool = True) -> Any:
    x = conv(padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _rounded(filters: float, divisor: int = 8) -> int:
    """Returns the nearest multiple of `divisor` that is at most 10 % below `filters`."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * filters else nearest + divisor

"""A model as a folder: `bundle.json` says everything about it, `model.safetensors` holds weights and nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models import build_process, networks
from models.storage import replaced, sha256

MANIFEST = "bundle.json"
WEIGHTS = "model.safetensors"

_HDF5 = b"\x89HDF\r\n\x1a\n"
_FORMAT = 1
_RECIPE = 1  # raised when published bundles are built differently, so that what an older version left is not used


class BrokenBundle(ValueError):
    """The folder is not the bundle that was written: the message says what is wrong with it."""


class UnusableWeights(ValueError):
    """The weights file that was given is none for this model."""


class UnknownModel(ValueError):
    """The model is neither a published one nor a bundle folder."""


@dataclass(frozen=True)
class Manifest:
    """All that is known of a model beside its weights.

    `temperature` divides the logits before the softmax (Guo et al. 2017, arXiv:1706.04599). An answer less sure than
    `abstain_below` is "none of these"; None never is. `about` is free: scores, data, recipe, tool versions.
    """

    name: str
    network: networks.Network
    head: networks.Head
    labels: tuple[str, ...]
    temperature: float = 1.0
    abstain_below: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        networks.facts(self.network.name)
        if len(self.labels) != self.head.classes:
            raise ValueError(f"{len(self.labels)} labels for {self.head.classes} classes")
        if self.temperature <= 0:
            raise ValueError(f"temperature {self.temperature}, which must be above 0")


@dataclass(frozen=True)
class Bundle:
    """A model in a folder. `version` names its answers: the same wherever and under whatever name it was built."""

    folder: Path
    manifest: Manifest
    weights_sha256: str

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return _version(self.manifest, self.weights_sha256)

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """The bundle in `folder`, its weights checked. Raises BrokenBundle."""
        written = _read(folder)
        try:
            bundle = cls(folder, _manifest(written), str(written["weights_sha256"]))
            version = written["version"]
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenBundle(f"{folder}: {MANIFEST} is not what it should be ({error!r})") from error
        if bundle.version != version:
            raise BrokenBundle(
                f"{folder}: {MANIFEST} was changed after it was written as {version}; its content is {bundle.version}"
            )
        try:
            digest = sha256(folder / WEIGHTS)
        except OSError as error:
            raise BrokenBundle(f"{folder}: {WEIGHTS} cannot be read ({error.strerror})") from error
        if digest != bundle.weights_sha256:
            raise BrokenBundle(f"{folder}: {WEIGHTS} is damaged (SHA-256 {digest}, not {bundle.weights_sha256})")
        return bundle

    @classmethod
    def write(cls, folder: Path, manifest: Manifest, tensors: Mapping[str, np.ndarray]) -> "Bundle":
        """Writes a bundle to `folder` at once, in the place of one that is there.

        `tensors` are the weights of `with_head(backbone(manifest.network), manifest.head)`, as `networks.tensors_of`
        names them. Raises FileExistsError when `folder` holds something else.
        """
        from safetensors.numpy import save_file

        if _holds_something_else(folder):
            raise FileExistsError(f"{folder} holds something that is no bundle; choose another folder")
        with replaced(folder) as filling:
            save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, filling / WEIGHTS)
            bundle = cls(folder, manifest, sha256(filling / WEIGHTS))
            written = {"format": _FORMAT, "version": bundle.version, "weights_sha256": bundle.weights_sha256}
            text = json.dumps(written | asdict(manifest), indent=1, ensure_ascii=False)
            (filling / MANIFEST).write_text(text + "\n", encoding="utf-8")
        return bundle

    def build(self) -> Any:
        """The `keras.Model`, pixels to logits, with its weights. Raises BrokenBundle when they do not fit."""
        from safetensors.numpy import load_file

        model = networks.with_head(networks.backbone(self.manifest.network), self.manifest.head)
        try:
            networks.set_tensors(model, load_file(self.folder / WEIGHTS))
        except networks.OtherNetwork as error:
            raise BrokenBundle(f"{self.folder}: {error}") from error
        return model


def _holds_something_else(folder: Path) -> bool:
    try:
        held = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return False
    return MANIFEST not in held and bool(held - {WEIGHTS})


def _read(folder: Path) -> dict[str, Any]:
    try:
        written = json.loads((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BrokenBundle(f"{folder} is no bundle: {MANIFEST} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BrokenBundle(f"{folder}: {MANIFEST} is not JSON ({error})") from error
    if not isinstance(written, dict) or written.get("format") != _FORMAT:
        raise BrokenBundle(
            f"{folder}: {MANIFEST} is not of format {_FORMAT}, the one this version of sightstream reads"
        )
    return written


def _manifest(written: Mapping[str, Any]) -> Manifest:
    head = written["head"]
    return Manifest(
        name=str(written["name"]),
        network=networks.Network(**written["network"]),
        head=networks.Head(head["classes"], tuple(head["hidden"]), head["dropout"], head["background"]),
        labels=tuple(map(str, written["labels"])),
        temperature=float(written["temperature"]),
        abstain_below=written["abstain_below"],
        about=written["about"],
    )


def _version(manifest: Manifest, weights_sha256: str) -> str:
    answers = {key: value for key, value in asdict(manifest).items() if key not in ("name", "about")}
    canonical = json.dumps([_FORMAT, answers, weights_sha256], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def find(model: str, cache: Path, weights: Path | None = None) -> Bundle:
    """The bundle that `model` names: a published one or a folder. Raises UnknownModel and what those raise."""
    if model in networks.NETWORKS:
        return published(model, cache, weights)
    if not Path(model).is_dir():
        raise UnknownModel(f"{model!r} is no bundle folder and none of {', '.join(networks.NETWORKS)}")
    if weights is not None:
        raise UnusableWeights(f"{model} is a bundle, which has its weights; leave {weights} out")
    return Bundle.open(Path(model))


def published(name: str, cache: Path, weights: Path | None = None) -> Bundle:
    """The bundle of a published model, built in `cache` when it is first asked for.

    `weights` is a Keras weights file, for a network that takes one. Raises networks.UnknownNetwork, UnusableWeights,
    weights.WeightsUnavailable and build_process.BuildFailed.
    """
    networks.facts(name)
    source = "" if weights is None else f"-{_short_digest(weights)}"
    folder = cache / "models" / f"{name}{source}.{_RECIPE}"
    try:
        return Bundle.open(folder)
    except BrokenBundle:  # or none yet: either way it can be made again
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise build_process.BuildFailed(f"{cache} is no folder to keep models in: {error}") from error
        build_process.in_child("published", name, str(folder), *([] if weights is None else [str(weights)]))
        return Bundle.open(folder)


def _short_digest(weights: Path) -> str:
    try:
        with weights.open("rb") as file:
            if file.read(len(_HDF5)) != _HDF5:
                raise UnusableWeights(f"{weights} is no .weights.h5 or .h5 file of weights, as Keras writes them")
        return sha256(weights)[:12]
    except OSError as error:
        raise UnusableWeights(f"{weights} cannot be read ({error.strerror})") from error

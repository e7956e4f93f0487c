"""A model as a folder: `bundle.json` describes it, and `model.safetensors` holds its weights and nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import numpy as np
from msgspec import Meta

from models import networks
from models.abstain import SureOf
from models.picture_folder import shown
from models.storage import Unwritable, check_replaceable, replaced, sha256, writing

MANIFEST = "bundle.json"
WEIGHTS = "model.safetensors"

UNMEASURED = 0.5  # `unsure_below` of bundles that do not say theirs: right for probabilities that are calibrated

_FORMAT = 1


class BrokenBundle(ValueError):
    """The folder is not an intact bundle; the message says what is wrong with it."""


@dataclass(frozen=True)
class Manifest:
    """Everything about a model except its weights.

    `network` also says how pictures are cut for it. `temperature` divides the logits before the softmax (Guo et al.
    2017, arXiv:1706.04599). An answer whose confidence is below `abstain_below` becomes "none of these"; with None no
    answer does. `sure_of` says of what the confidence is the probability, as `models.abstain.judge` describes.

    `unsure_below` is a probability of the first label: below it, fewer than half of such labels were right when the
    model was measured. Answers do not depend on it, but who shows only their first label can say "not sure". `about`
    has no fixed keys: it holds scores, data, recipe and tool versions.
    """

    name: str
    network: networks.Network
    head: networks.Head
    labels: tuple[str, ...]
    temperature: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    abstain_below: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    sure_of: SureOf = "classes"
    unsure_below: Annotated[float, Meta(ge=0, le=1)] = UNMEASURED
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        networks.facts(self.network.name)
        if len(self.labels) != self.head.classes:
            raise ValueError(f"{len(self.labels)} labels for {self.head.classes} classes")
        if self.temperature <= 0:
            raise ValueError(f"temperature {self.temperature}, which must be above 0")
        if self.sure_of not in get_args(SureOf):
            raise ValueError(f"sure_of {self.sure_of!r}, which must be one of {', '.join(get_args(SureOf))}")
        "".join([self.name, *self.labels]).encode()  # half a surrogate pair cannot be shown or sent


@dataclass(frozen=True)
class Bundle:
    """A model in a folder.

    `version` identifies its answers and its framing: it is the same on every machine and under every name.
    """

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
        """Opens the bundle in `folder` and checks its weights. Raises BrokenBundle."""
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
    def write(
        cls, folder: Path, manifest: Manifest, tensors: Mapping[str, np.ndarray], setting: str = "--out"
    ) -> "Bundle":
        """Writes a bundle to `folder` in one step and replaces a bundle that is there.

        `tensors` are the weights of `with_head(backbone(manifest.network), manifest.head)`, under the names that
        `networks.tensors_of` gives them. `setting` is what names another place than `folder`. Raises
        storage.Unwritable.
        """
        from safetensors.numpy import save

        cls.check_target(folder, setting)
        with replaced(folder, setting) as filling:
            # safetensors' own writing of files gives no OSError on a full disk
            weights = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
            (filling / WEIGHTS).write_bytes(weights)
            bundle = cls(folder, manifest, sha256(filling / WEIGHTS))
            written = {"format": _FORMAT, "version": bundle.version, "weights_sha256": bundle.weights_sha256}
            text = json.dumps(written | asdict(manifest), indent=1, ensure_ascii=False)
            (filling / MANIFEST).write_text(text + "\n", encoding="utf-8")
        return bundle

    @staticmethod
    def check_target(folder: Path, setting: str, needed: int = 0) -> None:
        """Tries whether a bundle of `needed` bytes can be written to `folder`, before the work of making it.

        Raises storage.Unwritable, also when `folder` holds something that is no bundle.
        """
        check_replaceable(folder, setting, needed)
        with writing(folder, setting):
            try:
                held = {path.name for path in folder.iterdir()}
            except FileNotFoundError:
                return
        if MANIFEST not in held and held - {WEIGHTS}:
            raise Unwritable(f"{shown(folder)} holds something that is no bundle: name another place with {setting}")

    def build(self) -> Any:
        """Builds the `keras.Model`, pixels to logits, with its weights. Raises BrokenBundle when they do not fit."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors = load_file(self.folder / WEIGHTS)
        except (SafetensorError, KeyError, OSError, TypeError, ValueError) as error:
            raise BrokenBundle(f"{self.folder}: {WEIGHTS} cannot be read ({error})") from error
        model = networks.with_head(networks.backbone(self.manifest.network), self.manifest.head)
        try:
            networks.set_tensors(model, tensors)
        except networks.OtherNetwork as error:
            raise BrokenBundle(f"{self.folder}: {error}") from error
        return model


def _read(folder: Path) -> dict[str, Any]:
    try:
        written = json.loads((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BrokenBundle(
            f"{folder} is no bundle: {MANIFEST} cannot be read ({error.strerror}); "
            "name a folder that `sightstream train` wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BrokenBundle(f"{folder}: {MANIFEST} is not JSON ({error})") from error
    if not isinstance(written, dict) or written.get("format") != _FORMAT:
        raise BrokenBundle(
            f"{folder}: {MANIFEST} is not of format {_FORMAT}, the one this version of sightstream reads"
        )
    return written


def _manifest(written: Mapping[str, Any]) -> Manifest:
    """The manifest in the JSON object of a bundle. Raises KeyError, TypeError and ValueError."""
    head = written["head"]
    # `convert` checks types and limits; what it returns has other whole numbers, and so another version
    msgspec.convert(written, Manifest)
    network = {"crop": _former_crop(written["about"]), **written["network"]}
    msgspec.convert(network, networks.Network)
    return Manifest(
        name=str(written["name"]),
        network=networks.Network(**network),
        head=networks.Head(head["classes"], tuple(head["hidden"]), head["dropout"], head["background"]),
        labels=tuple(map(str, written["labels"])),
        temperature=float(written["temperature"]),
        abstain_below=written["abstain_below"],
        sure_of=written.get("sure_of", "classes"),
        unsure_below=written.get("unsure_below", UNMEASURED),
        about=written["about"],
    )


def _former_crop(about: Mapping[str, Any]) -> Any:
    """The crop of an old bundle, in which it is not a field of the network but in ``about``, or missing."""
    return about.get("crop", networks.CENTRE_CROP)


def _version(manifest: Manifest, weights_sha256: str) -> str:
    other = ("name", "about", "unsure_below")
    answers = {key: value for key, value in asdict(manifest).items() if key not in other}
    # old bundles lack these keys: without them here, their versions stay the same
    if manifest.sure_of == "classes":
        del answers["sure_of"]
    if manifest.network.crop == _former_crop(manifest.about):
        del answers["network"]["crop"]
    canonical = json.dumps([_FORMAT, answers, weights_sha256], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]

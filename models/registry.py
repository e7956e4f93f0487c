"""The registry: trained models by name and version in a plain folder, and which version of each is live.

    REGISTRY/NAME/VERSION/     a bundle, which is never changed
    REGISTRY/NAME/live.json    the promotions; the last one is live

Workers watch the folder and serve the live versions. The folder may be shared or copied to other machines;
`live.json` is written after the bundles and in one step, so that the bundles it names are there.
"""

import json
import re
import secrets
import shutil
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from models.bundle import MANIFEST, WEIGHTS, Bundle
from models.gate import Gate
from models.networks import NETWORKS
from models.storage import check_folder, replaced, write_file, writing

LIVE = "live.json"
REGISTRY = "--registry"  # names another place
KEPT = 20  # promotions of a model that live.json holds

_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BadName(ValueError):
    """The name is not allowed for a model."""


class NotInRegistry(ValueError):
    """The registry has no such model or version."""


class NothingBefore(ValueError):
    """There is no earlier promotion to go back to."""


class StillLive(ValueError):
    """The version is live and cannot be removed by itself."""


class BrokenRegistry(ValueError):
    """A live.json cannot be read."""


@dataclass(frozen=True)
class Promotion:
    """A version that was made live, with a gate before it or without."""

    version: str
    gate: Gate | None = None


class Registry:
    """The models in `folder`. The folder need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Returns the names of the models."""
        return sorted(path.name for path in _entries(self.folder) if _NAME.fullmatch(path.name))

    def versions(self, name: str) -> list[str]:
        """Returns a model's versions, the newest first. Raises BadName."""
        found = [path for path in _entries(self.folder / _checked(name)) if (path / MANIFEST).is_file()]
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]

    def path(self, name: str, version: str) -> Path:
        """Returns the folder of a bundle. Raises BadName and NotInRegistry."""
        if version not in (versions := self._known_versions(name)):
            raise NotInRegistry(f"{name} has no version {version!r}; name one that it has: {', '.join(versions)}")
        return self.folder / name / version

    def add(self, bundle: Path, name: str) -> str:
        """Copies the bundle in a folder into the registry and returns its version.

        Raises BadName, BrokenBundle and storage.Unwritable; the registry is then unchanged.
        """
        target = self.folder / _checked(name)
        version = Bundle.open(bundle).version
        needed = sum((bundle / part).stat().st_size for part in (MANIFEST, WEIGHTS))
        check_folder(self.folder, REGISTRY, needed)
        with replaced(target / version, REGISTRY) as filling:
            for part in (MANIFEST, WEIGHTS):
                shutil.copyfile(bundle / part, filling / part)
            Bundle.open(filling)
        return version

    def promote(self, name: str, version: str = "", gate: Gate | None = None) -> Promotion:
        """Makes a version live, by default the newest. Raises BadName, NotInRegistry and BrokenBundle."""
        promotion = Promotion(version or self._known_versions(name)[0], gate)
        Bundle.open(self.path(name, promotion.version))
        before = self.promotions(name)
        if before[-1:] != [promotion]:
            self._write(name, [*before, promotion][-KEPT:])
        return promotion

    def rollback(self, name: str) -> Promotion | None:
        """Makes the promotion before the live one live again and returns it.

        None means that the published network of this name is served, as before the first promotion.
        Raises BadName, NotInRegistry, NothingBefore and BrokenBundle.
        """
        promotions = self.promotions(name)
        if not promotions:
            self._known_versions(name)
            raise NothingBefore(
                f"no version of {name} is live, so there is none to go back from; "
                f"`sightstream models promote {name}` makes the newest live"
            )
        if len(promotions) == 1 and name not in NETWORKS:
            raise NothingBefore(
                f"{promotions[0].version} is the first live version of {name}, so there is none to go back to; "
                f"`sightstream models remove {name}` removes the model"
            )
        if promotions[:-1]:
            Bundle.open(self.path(name, promotions[-2].version))
        self._write(name, promotions[:-1])
        return promotions[-2] if promotions[:-1] else None

    def remove(self, name: str, version: str = "") -> None:
        """Deletes a version that is not live, or without `version` the whole model. Workers then stop serving it.

        Raises BadName, NotInRegistry and StillLive.
        """
        if not version:
            if _checked(name) not in self.names():
                raise self._no_such(name)
            with writing(self.folder / name, REGISTRY):
                (self.folder / name / LIVE).unlink(missing_ok=True)
            _delete(self.folder / name)
            return
        path = self.path(name, version)
        promotions = self.promotions(name)
        if promotions and promotions[-1].version == version:
            raise StillLive(
                f"{version} is the live version of {name}: promote another one first, "
                f"or remove the whole model with `sightstream models remove {name}`"
            )
        if any(each.version == version for each in promotions):
            self._write(name, [each for each in promotions if each.version != version])
        _delete(path)

    def live(self, name: str) -> Promotion | None:
        """Returns a model's live version, or None. Raises BadName and BrokenRegistry."""
        promotions = self.promotions(name)
        return promotions[-1] if promotions else None

    def promotions(self, name: str) -> list[Promotion]:
        """Returns the promotions of a model; the last one is live. Raises BadName and BrokenRegistry."""
        path = self.folder / _checked(name) / LIVE
        try:
            written = json.loads(path.read_bytes())
            if written["format"] != _FORMAT:
                raise BrokenRegistry(f"{path} is not of format {_FORMAT}, the one this version of sightstream reads")
            return [_promotion(each) for each in written["promotions"]]
        except FileNotFoundError:
            return []
        except BrokenRegistry:
            raise
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else "it does not hold what sightstream writes there"
            raise BrokenRegistry(f"{path} cannot be used ({why}): delete it and promote the model again") from error

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Returns a value that changes when the live versions may have changed. Cheap enough to call every second."""
        found = []
        for path in sorted(self.folder.glob(f"*/{LIVE}")):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.parent.name, facts.st_mtime_ns, facts.st_ino))
        return tuple(found)

    def _known_versions(self, name: str) -> list[str]:
        """`versions`, of which there is at least one. Raises BadName and NotInRegistry."""
        if not (versions := self.versions(name)):
            raise self._no_such(name)
        return versions

    def _no_such(self, name: str) -> NotInRegistry:
        if name in NETWORKS:
            return NotInRegistry(
                f"there is no trained model {name!r}: {name} is a published network, which is served without one"
            )
        close = get_close_matches(name, names := self.names(), n=1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}" if names else ""
        advice = "" if close else "; `sightstream models add BUNDLE` adds one"
        return NotInRegistry(f"there is no trained model {name!r}{guess}{advice}")

    def _write(self, name: str, promotions: list[Promotion]) -> None:
        plain = [{"version": each.version, "gate": each.gate.plain() if each.gate else None} for each in promotions]
        text = json.dumps({"format": _FORMAT, "promotions": plain}, indent=1, ensure_ascii=False)
        path = self.folder / name / LIVE
        write_file(path, f"{text}\n".encode(), REGISTRY)


def usable_name(name: str) -> str:
    """Returns the name that is most like `name` and allowed."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:64] or "model"


def _promotion(plain: dict[str, Any]) -> Promotion:
    gate = plain["gate"]
    return Promotion(str(plain["version"]), None if gate is None else Gate.of(gate))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadName(
            f"{name!r} is no name for a model: a name has 1 to 64 letters a-z, digits, dots, dashes and underscores, "
            f"and begins with a letter or a digit, such as {usable_name(name)}"
        )
    return name


def _entries(folder: Path) -> list[Path]:
    """Returns the folders in `folder`, without those that are being filled or deleted."""
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _delete(folder: Path) -> None:
    """Renames the folder to a hidden name first, so that no reader finds it half deleted. Needs no room."""
    with writing(folder, REGISTRY):
        hidden = folder.rename(folder.with_name(f".{folder.name}.{secrets.token_hex(4)}"))
        shutil.rmtree(hidden)

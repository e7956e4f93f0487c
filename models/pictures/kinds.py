"""What a file is, by its first bytes: a picture that is read, or the name of what is not, with what to do.

The table is `kinds.json`. The page has the same one, in `web/static`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

_TABLE = json.loads(Path(__file__).with_name("kinds.json").read_text(encoding="utf-8"))

HEAD: int = _TABLE["head"]  # bytes that are looked at
SENTENCES: dict[str, str] = _TABLE["sentences"]  # what is wrong with a file, where its first bytes do not say it


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of files. `begins` matches the first bytes; `refused` says why it is not read, and is empty if it is.

    `suffixes` are the file extensions (`.jpg`) of a kind that is a picture in a folder; other kinds have none.
    """

    name: str
    begins: re.Pattern[bytes]
    suffixes: frozenset[str]
    refused: str


def _kind(entry: dict[str, str]) -> Kind:
    flags = re.DOTALL | (re.IGNORECASE if entry.get("any_case") else 0)
    return Kind(
        entry["kind"],
        re.compile(entry["begins"].encode("latin-1"), flags),
        frozenset(f".{each}" for each in entry.get("suffixes", "").split()),
        entry.get("refused", ""),
    )


KINDS = [_kind(entry) for entry in _TABLE["kinds"]]
PICTURE_SUFFIXES = frozenset[str]().union(*(kind.suffixes for kind in KINDS))


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file that begins with `head`: its first `HEAD` bytes, or all that it has. None if not known."""
    return next((kind for kind in KINDS if kind.begins.match(head)), None)


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with `head` is a picture, of a kind that is read or that is refused by name."""
    kind = kind_of(head)
    return kind is not None and (not kind.refused or bool(kind.suffixes))


def is_video(head: bytes) -> bool:
    """Whether a file that begins with `head` is a video."""
    kind = kind_of(head)
    return kind is not None and kind.name == "video"


def refusal(head: bytes) -> str:
    """Why a file that begins with `head` is not read, or nothing if it is."""
    if not head:
        return SENTENCES["empty"]
    kind = kind_of(head)
    return SENTENCES["unknown"] if kind is None else kind.refused

"""What is looked at in a folder of pictures: one rule for `train`, `evaluate`, `classify` and `stream`.

* A file is a picture when its extension or its first bytes say so, and else a video when they say that. Extensions
  may be in capitals.
* Folders in the folder are looked into, at any depth. A link to a folder is followed, but no folder is looked at
  twice, and a link to a folder that holds the link is not followed.
* Hidden files and folders, and what Mac, Windows, network storage, notebooks and editors generate, are left out and
  counted.
* Every other file is left out, named and counted. So are videos, where only pictures are wanted.
"""

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from models.pictures.kinds import HEAD, PICTURE_SUFFIXES, is_picture, is_video


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


VIDEO_SUFFIXES = _suffixes(
    "3g2 3gp asf avi divx dv f4v flv m1v m2t m2ts m2v m4v mjpeg mjpg mk3d mkv mov mp4 mpe mpeg mpg mts mxf ogm ogv "
    "qt rm rmvb ts vob webm wmv y4m"
)
MOTION_JPEG = (".mjpeg", ".mjpg")  # one JPEG after the other
_CODE = (".mts", ".ts")  # mostly TypeScript: the content decides
# Raw pictures of cameras: most begin like a TIFF, but hold no finished picture. `.thm` is the preview of a video.
_RAW = re.compile(r"\.(3fr|arw|cr2|cr3|dng|erf|kdc|nef|nrw|orf|pef|raf|raw|rw2|sr2|srf|thm)")
_LEFTOVERS = frozenset(
    {
        # Mac
        "__macosx",
        "icon\r",
        "network trash folder",
        "temporary items",
        # Windows
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "autorun.inf",
        # network storage
        "@eadir",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "@sharebin",
        "@tmp",
        "lost+found",
        # picture viewers and Python
        "picasa.ini",
        "zbthumbnail.info",
        "pspbrwse.jbf",
        "__pycache__",
    }
)
# hidden on a Mac's own network protocol; lock files; unfinished downloads; backups of editors and of ExifTool
_LEFTOVER_FILE = re.compile(r"(:2e|~\$).*|.*(~|\.(bak|crdownload|part|swp|tmp)|\.\w+_original)", re.DOTALL | re.I)
_NAMED = 5  # names in a remark


@dataclass(frozen=True)
class Listing:
    """What is in the folder `root`: the `files` to read and all `folders` that were looked into, both sorted.

    `leftovers`, `videos` and `others` are files and folders that were left out; `problems` are sentences about links
    that were not followed and about what could not be looked at.
    """

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    leftovers: tuple[Path, ...]
    videos: tuple[Path, ...]
    others: tuple[Path, ...]
    problems: tuple[str, ...]

    def remarks(self) -> list[str]:
        """What was left out, as sentences."""
        remarks = list(self.problems)
        if self.leftovers:
            names = Counter(shown(path.name) for path in self.leftovers).most_common()
            by_name = [name if count == 1 else f"{name} ({count} times)" for name, count in names]
            remarks.append(f"hidden or generated, left out: {len(self.leftovers)} ({some(by_name)})")
        if self.videos:
            remarks.append(f"{self._left_out('videos', self.videos)}; `sightstream stream` sends videos")
        if self.others:
            remarks.append(self._left_out("other files", self.others))
        return remarks

    def _left_out(self, what: str, paths: tuple[Path, ...]) -> str:
        names = [shown(path.relative_to(self.root)) for path in paths]
        return f"{what}, left out: {len(paths)} ({some(names)})"


def look_into(root: Path, *, videos: bool = False) -> Listing:
    """The pictures in `root`, and with `videos` also the videos.

    Raises OSError when `root` itself cannot be looked into.
    """
    listing = _Search(root).listing()
    return replace(listing, files=tuple(sorted(listing.files + listing.videos)), videos=()) if videos else listing


class _Search:
    """Looks through a folder. Links to folders come last: of a folder and a link to it, the folder is looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = Path(os.path.realpath(root))
        self.seen = {self.real_root}  # real paths, those that wait included
        self.waiting = [(root, self.real_root)]  # folders and their real paths
        self.links: list[Path] = []  # to folders, not followed yet
        self.files: list[Path] = []
        self.folders: list[Path] = []
        self.leftovers: list[Path] = []
        self.videos: list[Path] = []
        self.others: list[Path] = []
        self.problems: list[str] = []

    def listing(self) -> Listing:
        """Look into all folders. Raises OSError when the first one cannot be looked into."""
        while self.waiting or self.links:
            if self.waiting:
                self._scan(*self.waiting.pop())
            else:
                self._follow_first_link()
        return Listing(
            self.root,
            files=tuple(sorted(self.files)),
            folders=tuple(sorted(self.folders)),
            leftovers=tuple(sorted(self.leftovers)),
            videos=tuple(sorted(self.videos)),
            others=tuple(sorted(self.others)),
            problems=tuple(sorted(self.problems)),
        )

    def _follow_first_link(self) -> None:
        self.links.sort(reverse=True)
        link = self.links.pop()
        real = Path(os.path.realpath(link))
        if real in {self.real_root, *self.real_root.parents, *Path(os.path.realpath(link.parent)).parents}:
            self.problems.append(f"{shown(link)} is a link to {shown(real)}, which holds it: not followed")
        elif real in self.seen:
            self.problems.append(
                f"{shown(link)} is a link to {shown(real)}, which is looked at already: not followed"
            )
        else:
            self.seen.add(real)
            self.waiting.append((link, real))

    def _scan(self, folder: Path, real: Path) -> None:
        if folder is not self.root:
            self.folders.append(folder)
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            if folder is self.root:
                raise
            self.problems.append(f"{shown(folder)} cannot be looked into: {error.strerror}")
            return
        for entry in entries:
            path = folder / entry.name
            try:
                self._add(entry, path, real / entry.name)
            except OSError as error:
                self.problems.append(f"{shown(path)} cannot be looked at: {error.strerror}")

    def _add(self, entry: os.DirEntry[str], path: Path, real: Path) -> None:
        is_folder, is_file = entry.is_dir(), entry.is_file()
        if _is_leftover(entry.name, is_folder):
            self.leftovers.append(path)
        elif is_folder and entry.is_symlink():
            self.links.append(path)
        elif is_folder:
            if real not in self.seen:
                self.seen.add(real)
                self.waiting.append((path, real))
        else:
            {"picture": self.files, "video": self.videos}.get(_kind(path, is_file), self.others).append(path)


def utf8(name: str) -> str:
    r"""The name as valid text: bytes that are no UTF-8 are written `\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace") if not name.isascii() else name


def shown(path: Path | str) -> str:
    r"""A path or a name on one line: bytes that are no UTF-8, and control characters, are written `\xe9` and `\n`."""
    return "".join(
        each if each.isprintable() or each == " " else each.encode("unicode_escape").decode()
        for each in utf8(str(path))
    )


def quoted(word: Path | str) -> str:
    r"""A path or another argument as it is typed in a shell; bytes that no text has are written `$'\xe9'`."""
    word = f"./{word}" if str(word).startswith("-") else str(word)
    if shown(word) == word:
        return shlex.quote(word)
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(plain)}'"


def counted(number: int, thing: str, things: str = "") -> str:
    """A number and what it counts, such as "1 picture", "2 pictures", or "3 classes" with `things`."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def some(names: Iterable[str]) -> str:
    """The first five names as a list for a message; of the others, only how many there are."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _is_leftover(name: str, is_folder: bool) -> bool:
    return (
        name.startswith(".")
        or name.casefold() in _LEFTOVERS
        or (not is_folder and _LEFTOVER_FILE.fullmatch(name) is not None)
    )


def _kind(path: Path, is_file: bool) -> str:
    """Whether a file is a "picture", a "video" or something else, "". Raises OSError."""
    suffix = path.suffix.lower()
    if not is_file and (path.exists() or not path.is_symlink()):
        return ""  # a pipe or a device is never opened; a link that leads nowhere is named by who reads it
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    called_video = suffix in VIDEO_SUFFIXES and suffix not in _CODE
    if not is_file or _RAW.fullmatch(suffix):
        return "video" if called_video else ""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if is_picture(head) and suffix not in MOTION_JPEG:
        return "picture"
    return "video" if called_video or is_video(head) else ""

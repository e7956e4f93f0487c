"""Reads artifacts.lock: the coordinates, sizes and SHA-256 of the local broker's jars."""

from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("artifacts.lock")


@dataclass(frozen=True)
class Jar:
    """A Maven artifact."""

    coordinate: str  # group:artifact:version
    size: int  # bytes
    sha256: str

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(text: str) -> list[Jar]:
    """The jars of a lock file, in its order. A line is `sha256 size group:artifact:version`, or a comment after #."""
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Jar(coordinate, int(size), sha256) for sha256, size, coordinate in rows]


def locked_jars() -> list[Jar]:
    """The jars of Apache Kafka's server that this project pins."""
    return read_lock(LOCK.read_text(encoding="utf-8"))

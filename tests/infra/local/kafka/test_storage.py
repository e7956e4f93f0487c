import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.kafka.storage import BrokerFolderBroken, FolderInUse, Storage, cluster_of, new_cluster_id

META = "#\n#Mon Jan 05 10:00:00 UTC 2026\ncluster.id=AbC\ndirectory.id=Xyz\nnode.id=1\nversion=1\n"


def storage_with(folder: Path, meta: bytes) -> Storage:
    storage = Storage(folder)
    storage.data.mkdir(parents=True)
    (storage.data / "meta.properties").write_bytes(meta)
    return storage


def test_cluster_id_is_read_from_the_data(tmp_path: Path) -> None:
    assert storage_with(tmp_path, META.encode()).cluster() == "AbC"


@pytest.mark.parametrize("made", [[], ["."], ["data"]])
def test_folder_without_data_is_not_broken_but_new(tmp_path: Path, made: list[str]) -> None:
    for name in made:
        (tmp_path / "kafka" / name).mkdir(parents=True, exist_ok=True)

    assert Storage(tmp_path / "kafka").cluster() is None


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (META.replace("version=1", "version=2"), "is of version 2"),
        (META.replace("node.id=1", "node.id=7"), "belongs to node 7, this broker is node 1"),
        (META.replace("cluster.id=AbC\n", ""), "names no cluster"),
        ("", "names no cluster"),
    ],
)
def test_data_of_another_broker_is_refused_with_a_way_out(tmp_path: Path, meta: str, reason: str) -> None:
    storage = storage_with(tmp_path, meta.encode())

    with pytest.raises(BrokerFolderBroken, match=re.escape(reason)) as raised:
        storage.cluster()

    assert f"delete {tmp_path / 'data'} to start afresh" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_data_that_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerFolderBroken, match="is not text"):
        storage_with(tmp_path, b"\xff\xfe\x00").cluster()


def test_data_without_meta_properties_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "frames-0").mkdir(parents=True)

    with pytest.raises(BrokerFolderBroken, match=r"meta\.properties: No such file"):
        Storage(tmp_path).cluster()


def test_cluster_of_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="is of version None"):
        cluster_of("cluster.id=AbC\nnode.id=1\n")


async def test_folder_is_held_by_one_stack_at_a_time(tmp_path: Path) -> None:
    first, second = Storage(tmp_path), Storage(tmp_path)
    await first.hold()

    with pytest.raises(FolderInUse, match=f"in use by another stack \\(process {os.getpid()}\\)"):
        await second.hold(patience=0)

    first.release()
    await second.hold(patience=0)
    second.release()


async def test_folder_stays_held_while_a_child_has_the_lock(tmp_path: Path) -> None:
    """So a broker that outlives its supervisor keeps others out of its data."""
    storage = Storage(tmp_path)
    lock = await storage.hold()
    script = "print('up', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lock,)
    )
    assert child.stdout is not None
    child.stdout.readline()
    storage.release()

    with pytest.raises(FolderInUse):
        await Storage(tmp_path).hold(patience=0)

    child.communicate(b"\n")
    after = Storage(tmp_path)
    await after.hold(patience=0)
    after.release()


async def test_format_that_fails_says_why_and_leaves_no_data(tmp_path: Path) -> None:
    storage = Storage(tmp_path)

    with pytest.raises(BrokerFolderBroken, match=r"could not prepare .*: no such option; delete"):
        await storage.format(lambda *_: ["sh", "-c", "echo starting; echo no such option >&2; exit 1"])

    assert storage.cluster() is None


async def test_format_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    (tmp_path / "data.new" / "half").mkdir(parents=True)

    def tool(action: str, option: str, cluster: str, *_: str) -> list[str]:
        meta = META.replace("AbC", cluster)
        return ["sh", "-c", f"mkdir data.new && echo '{meta}' > data.new/meta.properties"]

    assert await storage.format(tool) == storage.cluster()


def test_cluster_ids_are_new_each_time_and_fit_kafkas_form() -> None:
    ids = {new_cluster_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", each) for each in ids)

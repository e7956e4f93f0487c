import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.kafka.configuration import Ports
from infra.local.kafka.storage import BrokerFolderBroken, FolderInUse, Storage, new_cluster_id, parse_cluster_id

PORTS = {1: Ports(20_001, 20_002)}
META = "#\n#Mon Jan 05 10:00:00 UTC 2026\ncluster.id=AbC\ndirectory.id=Xyz\nnode.id=1\nversion=1\n"


def storage_with(folder: Path, meta: bytes) -> Storage:
    storage = Storage(folder)
    storage.data.mkdir(parents=True)
    (storage.data / "meta.properties").write_bytes(meta)
    return storage


def test_cluster_id_is_read_from_the_data(tmp_path: Path) -> None:
    assert storage_with(tmp_path, META.encode()).cluster_id() == "AbC"


@pytest.mark.parametrize("made", [[], ["."], ["data"]])
def test_folder_without_data_is_new_and_not_broken(tmp_path: Path, made: list[str]) -> None:
    for name in made:
        (tmp_path / "kafka" / name).mkdir(parents=True, exist_ok=True)

    assert Storage(tmp_path / "kafka").cluster_id() is None


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (META.replace("version=1", "version=2"), "has version 2"),
        (META.replace("node.id=1", "node.id=7"), "belongs to node 7, this broker is node 1"),
        (META.replace("cluster.id=AbC\n", ""), "has no cluster id"),
        ("", "has no cluster id"),
    ],
)
def test_data_of_another_broker_is_refused_with_advice(tmp_path: Path, meta: str, reason: str) -> None:
    storage = storage_with(tmp_path, meta.encode())

    with pytest.raises(BrokerFolderBroken, match=re.escape(reason)) as raised:
        storage.cluster_id()

    assert f"delete {tmp_path / 'data'} to start again" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_data_that_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerFolderBroken, match="is not text"):
        storage_with(tmp_path, b"\xff\xfe\x00").cluster_id()


def test_data_without_meta_properties_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "frames-0").mkdir(parents=True)

    with pytest.raises(BrokerFolderBroken, match=r"meta\.properties: No such file"):
        Storage(tmp_path).cluster_id()


def test_parse_cluster_id_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="has version None"):
        parse_cluster_id("cluster.id=AbC\nnode.id=1\n")


async def test_folder_is_locked_by_one_stack_at_a_time(tmp_path: Path) -> None:
    first, second = Storage(tmp_path), Storage(tmp_path)
    await first.acquire()

    with pytest.raises(FolderInUse, match=f"in use by another stack \\(process {os.getpid()}\\)"):
        await second.acquire(timeout=0)

    first.release()
    await second.acquire(timeout=0)
    second.release()


async def test_folder_stays_locked_while_a_child_process_has_the_lock(tmp_path: Path) -> None:
    """So a broker that lives longer than its supervisor keeps its data for itself."""
    storage = Storage(tmp_path)
    lock = await storage.acquire()
    script = "print('up', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lock,)
    )
    assert process.stdout is not None
    process.stdout.readline()
    storage.release()

    with pytest.raises(FolderInUse):
        await Storage(tmp_path).acquire(timeout=0)

    process.communicate(b"\n")
    after = Storage(tmp_path)
    await after.acquire(timeout=0)
    after.release()


async def test_format_that_fails_says_why_and_leaves_no_data(tmp_path: Path) -> None:
    storage = Storage(tmp_path)

    with pytest.raises(BrokerFolderBroken, match=r"could not prepare .*: no such option; delete"):
        await storage.format(lambda *_: ["sh", "-c", "echo starting; echo no such option >&2; exit 1"], "AbC", PORTS)

    assert storage.cluster_id() is None


async def test_format_that_was_interrupted_is_done_again(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    (tmp_path / "data.new" / "half").mkdir(parents=True)

    def tool(action: str, option: str, cluster: str, *_: str) -> list[str]:
        meta = META.replace("AbC", cluster)
        return ["sh", "-c", f"mkdir data.new && echo '{meta}' > data.new/meta.properties"]

    await storage.format(tool, "DeF", PORTS)
    assert storage.cluster_id() is None
    storage.keep_format()
    assert storage.cluster_id() == "DeF"


def test_cluster_ids_are_new_each_time_and_fit_kafkas_form() -> None:
    ids = {new_cluster_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", each) for each in ids)

from pathlib import Path

import pytest

from models.engines.cores import available_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(8)), raising=False)


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_quota_it_is_the_affinity(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == 8
    assert available_cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": "max 100000\n"})) == 8


def test_container_quota_counts(tmp_path: Path) -> None:
    assert available_cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": "200000 100000\n"})) == 2


def test_part_of_a_core_is_a_core(tmp_path: Path) -> None:
    assert available_cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": "250000 100000\n"})) == 3
    assert available_cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": "5000 100000\n"})) == 1


def test_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/kubepods/pod7/box\n",
        "sys/fs/cgroup/kubepods/pod7/box/cpu.max": "max 100000\n",
        "sys/fs/cgroup/kubepods/pod7/cpu.max": "400000 100000\n",
        "sys/fs/cgroup/kubepods/cpu.max": "600000 100000\n",
    }
    assert available_cores(machine(tmp_path, files)) == 4


def test_first_version_of_control_groups_counts(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    assert available_cores(machine(tmp_path, files)) == 3
    assert available_cores(machine(tmp_path, files | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"})) == 8

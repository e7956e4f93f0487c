"""How many cores this process may use."""

import os
from math import ceil
from pathlib import Path


def available_cores(root: Path = Path("/")) -> int:
    """Returns the number of cores by CPU affinity and by the CPU quota of the control groups, at least 1.

    A container often sees all cores of its machine but may use only two of them. One thread for each core would then
    be slower.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [ceil(quota) for quota in _quotas(root)]
    return max(1, min([affinity, *quotas]))


def _quotas(root: Path) -> list[float]:
    """Returns the quotas in cores: those of this process's control group and its parents (v2), or of its v1 group."""
    groups = root / "sys/fs/cgroup"
    found = [_v1_quota(groups / "cpu")]
    for group in (groups / _own_group(root) / "x").parents:
        if not group.is_relative_to(groups):
            break
        found.append(_v2_quota(group))
    return [quota for quota in found if quota is not None]


def _own_group(root: Path) -> str:
    for line in _text(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::").lstrip("/")
    return ""


def _v2_quota(group: Path) -> float | None:
    limit, _, period = _text(group / "cpu.max").partition(" ")
    return int(limit) / int(period) if limit.isdigit() else None


def _v1_quota(group: Path) -> float | None:
    limit, period = _text(group / "cpu.cfs_quota_us").strip(), _text(group / "cpu.cfs_period_us").strip()
    return int(limit) / int(period) if limit.isdigit() else None  # -1 means no quota


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

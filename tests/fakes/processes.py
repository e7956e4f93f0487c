"""The state of processes, as Linux tells it."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie, which has ended and whose exit code nothing has read yet, does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def peak_memory() -> int:
    """The most memory in bytes that this process had at once."""
    return _bytes("VmHWM")


def resident_memory() -> int:
    """The memory in bytes that this process has."""
    return _bytes("VmRSS")


def _bytes(field: str) -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in status if line.startswith(field))

"""The state of processes that the tests did not start themselves."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie, which has ended and whose exit code nothing has read yet, does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

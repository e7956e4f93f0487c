"""The progress of a download: a bar on a terminal, one line for each quarter elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class DownloadProgress:
    """Counts the bytes of files that several threads download. Shows nothing without a console.

    `description` says in the plural what is downloaded, `total` is its size in bytes.
    """

    def __init__(self, console: Console | None, description: str, total: int) -> None:
        self._console = console
        self._description = description
        self._total = total
        self._counts: dict[str, int] = {}
        self._quarter = 0
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._console is None:
            return self
        if self._console.is_terminal:
            columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._bar = Progress(TextColumn("{task.description}"), *columns, console=self._console)
            self._task = self._bar.add_task(self._description, total=self._total)
            self._bar.start()
        else:
            self._console.print(f"fetching {self._description}, {self._total / 1e6:.0f} MB", soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._console is not None and kind is None:
            elapsed_s = time.monotonic() - self._started
            self._console.print(f"fetched {self._description} in {elapsed_s:.1f} s", soft_wrap=True)

    def update(self, name: str, count: int) -> None:
        """The first `count` bytes of the file `name` are here. A retry starts again at 0."""
        with self._lock:
            self._counts[name] = count
            received = sum(self._counts.values())
            if self._bar is not None:
                self._bar.update(self._task, completed=received)
            elif self._console is not None:
                quarter = 4 * received // max(self._total, 1)
                if self._quarter < quarter < 4:
                    self._console.print(f"{self._description}: {25 * quarter} %", soft_wrap=True)
                self._quarter = max(self._quarter, quarter)

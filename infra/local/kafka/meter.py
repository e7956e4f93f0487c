"""What a person sees of a long transfer: a bar on a terminal, a line at every quarter elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class Meter:
    """Counts bytes from several threads; shows nothing without a console."""

    def __init__(self, console: Console | None, what: str, total: int) -> None:
        self._console = console
        self._what = what
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
            self._task = self._bar.add_task(self._what, total=self._total)
            self._bar.start()
        else:
            self._console.print(f"fetching {self._what}, {self._total / 1e6:.0f} MB", soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._console is not None and kind is None:
            took = time.monotonic() - self._started
            self._console.print(f"fetched {self._what} in {took:.1f} s", soft_wrap=True)

    def show(self, name: str, count: int) -> None:
        """`count` bytes of `name` are here; a retry may show fewer than before."""
        with self._lock:
            self._counts[name] = count
            so_far = sum(self._counts.values())
            if self._bar is not None:
                self._bar.update(self._task, completed=so_far)
            elif self._console is not None:
                quarter = 4 * so_far // max(self._total, 1)
                if self._quarter < quarter < 4:
                    self._console.print(f"{self._what}: {25 * quarter} %", soft_wrap=True)
                self._quarter = max(self._quarter, quarter)

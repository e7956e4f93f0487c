"""Whether a worker makes progress: a process whose consumer stands still is of no use (faust#175, #640).

All that a worker has to do is looked at every few seconds: the frames of a partition that are to be read, the offsets
that are to be committed, the batch that is on the engine. Each has a mark that changes with progress. What has the
same mark for too long is said by ``/healthz``, and later the process ends, so that it is started again.

Kafka's absence is no standstill: work that waits for Kafka is looked at only while Kafka answers.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping

LOOK_EVERY_S = 3.0
STALLED_S = 20.0  # longer than all pauses that are normal, such as a rebalance
END_S = 60.0
EVENT_LOOP = "the event loop"


class Liveness:
    """How long each part of a worker has had work and made no progress.

    Args:
        clock: seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        stalled_s: float = STALLED_S,
        end_s: float = END_S,
    ) -> None:
        self.clock = clock
        self.stalled_s = stalled_s
        self.end_s = end_s
        self.waits_for = "its models"  # why the worker is not ready; empty if it is
        self._marks: dict[str, tuple[Hashable, float]] = {}  # with the seconds without progress
        self._looked_at: float | None = None
        self._looks = 0
        self._watched = 0
        self._loop_s = 0.0

    def look(self, work: Mapping[str, Hashable]) -> None:
        """Take a look: what there is to do, with its marks. Called on the event loop every ``LOOK_EVERY_S``.

        Time in which the whole process stood still does not count.
        """
        now = self.clock()
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, 2 * LOOK_EVERY_S)
        self._looked_at = now
        self._looks += 1
        before, self._marks = self._marks, {}
        for name, mark in work.items():
            same = name in before and before[name][0] == mark
            self._marks[name] = mark, before[name][1] + passed if same else 0.0

    def watch_loop(self, passed_s: float) -> None:
        """Called from a thread every ``passed_s`` seconds: finds an event loop that does not look any more."""
        waits = self._looks and self._looks == self._watched
        self._loop_s = self._loop_s + passed_s if waits else 0.0
        self._watched = self._looks

    def standstill(self) -> tuple[str, float]:
        """What stands still for the longest time, and for how many seconds; nothing if that is too short to say."""
        marks = {name: seconds for name, (_, seconds) in self._marks.items()} | {EVENT_LOOP: self._loop_s}
        name = max(marks, key=lambda each: marks[each])
        return (name, marks[name]) if marks[name] >= self.stalled_s else ("", 0.0)

    @property
    def must_end(self) -> bool:
        """Whether the process should end, and be started again."""
        return self.standstill()[1] >= self.end_s


def watch(liveness: Liveness, end: Callable[[str], None], every_s: float = 1.0) -> Callable[[], None]:
    """Call ``end`` with the reason, from a thread, once the process must end. Returns what stops this."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(every_s):
            liveness.watch_loop(every_s)
            if liveness.must_end:
                name, seconds = liveness.standstill()
                end(f"{name} has made no progress for {seconds:.0f} s")
                return

    threading.Thread(target=run, name="liveness", daemon=True).start()
    return stopped.set

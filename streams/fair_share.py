"""Fair shares of the engine: a session that sends more frames than the others gets no more of them answered."""

from collections import Counter, deque
from dataclasses import dataclass

RECENT_MS = 2000.0  # sessions whose frames ran within this time share the engine
MAX_RECENT_RUNS = 64
MAX_SESSIONS = 10_000  # whose last run is remembered


@dataclass(frozen=True, slots=True)
class Run:
    """A frame of ``session`` that began to run at ``at`` (ms since 1970), for about ``duration_ms``."""

    session: str
    at: float
    duration_ms: float


class FairShare:
    """The latest runs, and what follows from them.

    One share is an equal part of the recent runs for each session that has any of them. A session is over its share
    when it had more than twice as many. If the clock is set back, runs with a later time do not count.
    """

    def __init__(self) -> None:
        self._runs: deque[Run] = deque(maxlen=MAX_RECENT_RUNS)
        self._last_run: dict[str, int] = {}
        self._count = 0

    def record(self, run: Run) -> None:
        """Note that a frame begins to run."""
        self._runs.append(run)
        self._count += 1
        self._last_run.pop(run.session, None)
        self._last_run[run.session] = self._count
        if len(self._last_run) > MAX_SESSIONS:
            del self._last_run[next(iter(self._last_run))]

    def last_run(self, session: str) -> int:
        """The number of the session's last run, counted over all sessions; 0 for a session that never had one."""
        return self._last_run.get(session, 0)

    def over_share(self, now: float) -> "dict[str, Overdraft]":
        """The sessions over their share at ``now`` (ms since 1970)."""
        recent = [run for run in self._runs if 0 <= now - run.at < RECENT_MS]
        counts = Counter(run.session for run in recent)
        over = {session for session, count in counts.items() if count * len(counts) > 2 * len(recent)}
        last = {run.session: run for run in recent if run.session in over}
        return {
            session: Overdraft(max(0.0, run.at + run.duration_ms * len(counts) - now), counts[session])
            for session, run in last.items()
        }


@dataclass(frozen=True, slots=True)
class Overdraft:
    """For a session over its share: it is even again in ``wait_ms``, and has had ``runs`` of the recent runs."""

    wait_ms: float
    runs: int

"""A simulated clock, and machines whose cores are shared by what runs on them (processor sharing)."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

Done = Callable[[], None]


@dataclass(eq=False)
class Station:
    """Jobs one after the other, as a thread runs them, or ``threads`` at a time."""

    name: str
    threads: int = 1
    waiting: deque[tuple[float, Done]] = field(default_factory=deque)
    running: int = 0
    busy_ms: float = 0.0  # CPU time so far


@dataclass(eq=False)
class Job:
    """What a station runs: CPU milliseconds that are left, and what follows."""

    station: Station
    left_ms: float
    done: Done


class Machine:
    """``cores`` that all running jobs share equally; a job uses one core at most.

    With all cores busy, each runs at ``speed_when_full`` of a core that is alone: caches and memory are shared, too.
    """

    def __init__(self, cores: int, speed_when_full: float = 1.0) -> None:
        self.cores = cores
        self.speed_when_full = speed_when_full
        self.jobs: list[Job] = []

    @property
    def speed(self) -> float:
        """CPU milliseconds that each job gets in a millisecond."""
        if len(self.jobs) < self.cores or self.cores == 1:
            return min(1.0, self.cores / max(1, len(self.jobs)))
        return self.speed_when_full * self.cores / len(self.jobs)

    def submit(self, station: Station, cpu_ms: float, done: Done) -> None:
        """Let a station of this machine run a job, now or when the jobs before it are done."""
        if station.running < station.threads:
            station.running += 1
            self.jobs.append(Job(station, cpu_ms, done))
        else:
            station.waiting.append((cpu_ms, done))

    @property
    def next_ms(self) -> float:
        """In how many milliseconds the next job is done."""
        return min((each.left_ms for each in self.jobs), default=float("inf")) / self.speed

    def advance(self, ms: float) -> list[Done]:
        """Run for so long, at most until the next job is done. Returns what follows the jobs that are."""
        worked = ms * self.speed
        for each in self.jobs:
            each.left_ms -= worked
            each.station.busy_ms += worked
        finished = [each for each in self.jobs if each.left_ms <= 1e-9]
        for each in finished:
            self.jobs.remove(each)
            each.station.running -= 1
            if each.station.waiting:
                self.submit(each.station, *each.station.waiting.popleft())
        return [each.done for each in finished]


class Clock:
    """Runs timers and machines in the order of their events. ``now`` is in milliseconds."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.machines: list[Machine] = []
        self._timers: list[tuple[float, int, Done]] = []
        self._number = count()

    def after(self, ms: float, done: Done) -> None:
        """Call ``done`` in so many milliseconds."""
        heapq.heappush(self._timers, (self.now + ms, next(self._number), done))

    def run(self, ms: float) -> None:
        """Let so much time pass."""
        end = self.now + ms
        while self.now < end:
            timer = self._timers[0][0] if self._timers else end
            step = min(end - self.now, max(0.0, timer - self.now), *(each.next_ms for each in self.machines))
            follows = [done for each in self.machines for done in each.advance(step)]
            self.now += step
            while self._timers and self._timers[0][0] <= self.now:
                follows.append(heapq.heappop(self._timers)[2])
            for done in follows:
                done()

"""Which frames run next, which are dropped and why, and which go on waiting. Pure: all it needs is passed in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streams.contract.messages import Frame
from streams.contract.outcomes import Outcome
from streams.fair_share import FairShare

EXPIRING_MS = 500.0  # before a gateway gives a frame up, the worker leaves the frame to it


@dataclass(slots=True)
class WaitingFrame:
    """A frame that waits, and the times of its hops so far, in milliseconds since 1970.

    Its ``received`` is by the worker's clock, which is ``skew`` milliseconds ahead of that of its gateway.
    """

    frame: Frame
    times: dict[str, float] = field(default_factory=dict)
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_batch``: the most frames in a batch. ``freshness_ms``: a frame received longer ago than this is stale."""

    max_batch: int
    freshness_ms: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Frames that were planned earlier: ``preparing`` of them for the next batch, ``running`` on the engine.

    ``model`` is that of the next batch, None while it has no frame.
    """

    model: str | None = None
    preparing: int = 0
    running: int = 0

    @property
    def idle(self) -> bool:
        """Whether the engine has nothing to do."""
        return not self.preparing and not self.running


@dataclass(slots=True)
class Plan:
    """What to ``run``, what to ``drop`` and why, and what to ``keep`` waiting.

    ``look_again_ms``: when to plan again if nothing else happens. ``on_one_core``: what runs is to use one core only.
    """

    run: list[WaitingFrame] = field(default_factory=list)
    drop: list[tuple[WaitingFrame, Outcome]] = field(default_factory=list)
    keep: list[WaitingFrame] = field(default_factory=list)
    look_again_ms: float | None = None
    on_one_core: bool = False


def plan(
    waiting: Sequence[WaitingFrame],
    now: float,
    pace: Callable[[str], float],
    *,
    limits: Limits,
    share: FairShare,
    progress: Progress,
) -> Plan:
    """Plan the next frames to run: all of one model, at most one of a session.

    Sessions over their share run only on an idle engine and only when no other session waits: one frame at a time,
    on one core, and not before the session is even again. Of the others, the session whose last run is longest ago
    comes first; of sessions that never ran, the one with the newest frame, so that under overload what is answered
    is fresh.

    Args:
        waiting: frames in the order of their arrival.
        now: milliseconds since 1970.
        pace: for a model, the milliseconds that the engine takes for a frame; 0 while it is unknown.
    """
    found = Plan()
    eligible = _within_share(waiting, now, share, progress.idle, found)
    if not eligible:
        return found
    ms_per_frame = pace(progress.model or eligible[0].frame.model)
    room = batch_size(ms_per_frame, limits) - progress.preparing
    if room <= 0:
        return Plan(keep=list(waiting))
    frames_ahead = progress.preparing + min(room, len(eligible)) + progress.running
    answered_at = now + min(ms_per_frame * frames_ahead, limits.freshness_ms / 2)
    newest = _newest_of_each_session(eligible, answered_at, limits.freshness_ms, found)
    keep: list[WaitingFrame] = []
    model = progress.model
    for each in sorted(newest, key=lambda one: (share.last_run(one.frame.session), -one.frame.received)):
        if len(found.run) < room and each.frame.model == (each.frame.model if model is None else model):
            model = each.frame.model
            found.run.append(each)
        else:
            keep.append(each)
    found.keep = keep + found.keep
    return found


def batch_size(ms_per_frame: float, limits: Limits) -> int:
    """The most frames in a batch of an engine that takes ``ms_per_frame`` for each; 0 ms: not known yet.

    A frame waits for the batch before its own, so frames behind a long batch get old. A batch may take a quarter of
    the freshness limit.
    """
    if ms_per_frame <= 0:
        return limits.max_batch
    return max(1, min(limits.max_batch, int(limits.freshness_ms / 4 / ms_per_frame)))


def is_stale(frame: Frame, now: float, freshness_ms: float) -> bool:
    """Whether ``frame`` was received more than ``freshness_ms`` before ``now``."""
    return now - frame.received > freshness_ms


def is_expiring(frame: Frame, now: float, expire_ms: float) -> bool:
    """Whether the gateway is about to give ``frame`` up, as after a restart of this worker.

    The frame is then left to the gateway, so that no two outcomes are published at the same moment.
    """
    return now - frame.received > expire_ms - EXPIRING_MS


def _within_share(
    waiting: Sequence[WaitingFrame], now: float, share: FairShare, idle: bool, found: Plan
) -> list[WaitingFrame]:
    """The frames that may run now; ``found`` keeps the others."""
    over = share.over_share(now)
    sessions = {each.frame.session for each in waiting}
    if idle and sessions and over.keys() >= sessions:
        first = min(sessions, key=lambda session: (over[session].wait_ms, over[session].runs))
        if over[first].wait_ms:
            found.look_again_ms = over[first].wait_ms
        else:
            found.on_one_core = True
            del over[first]
    found.keep = [each for each in waiting if each.frame.session in over]
    return [each for each in waiting if each.frame.session not in over]


def _newest_of_each_session(
    eligible: Sequence[WaitingFrame], answered_at: float, freshness_ms: float, found: Plan
) -> list[WaitingFrame]:
    """Each session's newest frame; ``found`` drops the others, and those that would be stale when answered."""
    newest: dict[str, WaitingFrame] = {}
    for each in eligible:
        session = each.frame.session
        if is_stale(each.frame, answered_at, freshness_ms):
            found.drop.append((each, Outcome.STALE))
        elif session not in newest:
            newest[session] = each
        else:
            older, newest[session] = sorted((newest[session], each), key=lambda one: one.frame.seq)
            found.drop.append((older, Outcome.SUPERSEDED))
    return list(newest.values())

"""Of the frames that wait for the engine: which run next, and which are not worth running any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streams.contract.messages import Frame
from streams.contract.outcomes import Outcome


@dataclass(slots=True)
class Waiting:
    """A frame that waits, and the times of its way so far, in milliseconds since 1970."""

    frame: Frame
    times: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Choice:
    """What to ``run`` now, what to drop and why, and what goes on waiting."""

    run: list[Waiting] = field(default_factory=list)
    dropped: list[tuple[Waiting, Outcome]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


def choose(
    waiting: Sequence[Waiting],
    *,
    now: float,
    limit_ms: float,
    room: int,
    served: Mapping[str, int],
    model: str | None = None,
) -> Choice:
    """Pick at most ``room`` frames, of one model, one per session, the least recently served session first.

    Of sessions that were never served the newest frame comes first: where there are more than can be answered, those
    that are answered are then fresh.

    Args:
        waiting: frames in the order of their arrival.
        now: milliseconds since 1970 when what is chosen now is expected to be answered.
        limit_ms: a frame received longer before that than this is stale.
        served: when each session last had a frame run, as a growing count; a session not in it comes first.
        model: the model that the batch already has; None lets the first frame chosen decide.
    """
    choice = Choice()
    newest: dict[str, Waiting] = {}
    for each in waiting:
        session = each.frame.session
        if is_stale(each.frame, now, limit_ms):
            choice.dropped.append((each, Outcome.STALE))
        elif session not in newest:
            newest[session] = each
        else:
            older, newest[session] = sorted((newest[session], each), key=lambda one: one.frame.seq)
            choice.dropped.append((older, Outcome.SUPERSEDED))
    for each in sorted(newest.values(), key=lambda one: (served.get(one.frame.session, 0), -one.frame.received)):
        if len(choice.run) < room and each.frame.model == (model if model is not None else each.frame.model):
            model = each.frame.model
            choice.run.append(each)
        else:
            choice.waiting.append(each)
    return choice


def batch_limit(ms_per_frame: float, *, limit_ms: float, most: int) -> int:
    """How many frames a batch may have, ``most`` or fewer, when the engine takes so long for each.

    A frame waits for the batch before its own, so a batch that takes long makes the next one's frames old. It may
    take a quarter of the freshness limit.
    """
    return max(1, min(most, int(limit_ms / 4 / ms_per_frame))) if ms_per_frame > 0 else most


def is_stale(frame: Frame, now: float, limit_ms: float) -> bool:
    """Whether ``frame`` was received more than ``limit_ms`` milliseconds before ``now``."""
    return now - frame.received > limit_ms

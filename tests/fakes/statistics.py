"""Statistics of a session, made of invented predictions."""

from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Outcome, Stage
from streams.contract.stats import SessionStats

STEPS = (CAPTURED, *SERVER_HOPS)


def session_stats(session: str, label: str, frames: int, now: float) -> SessionStats:
    """A session that ended now: ten frames a second, each 40 ms from camera to label, every tenth superseded."""
    stats = SessionStats(session, now - frames * 100, now - frames * 100)
    for seq in range(1, frames + 1):
        at = now - (frames - seq) * 100
        times = dict(zip(STEPS, (at - 30 + 5 * place for place in range(6)), strict=True))
        outcome = Outcome.SUPERSEDED if seq % 10 == 0 else Outcome.ANSWERED
        prediction = Prediction(
            session=session,
            seq=seq,
            outcome=outcome,
            stage=Stage.WORKER,
            labels=[Label(1, label, 0.75), Label(2, "other", 0.25)] if outcome == Outcome.ANSWERED else [],
            model="net",
            version="v1",
            times=times,
            echoes=[[seq - 1, 40.0]] if seq % 10 != 1 else [],
        )
        stats.add(prediction, at)
    return stats

"""The smoothed label: what the network has seen lately, not what it sees in one frame.

The probabilities of all labels are smoothed exponentially over time (R. G. Brown, "Smoothing, Forecasting and
Prediction of Discrete Time Series", 1963). The weight of a frame depends on the time since the frame before (D. J.
Wright, "Forecasting data published at irregular time intervals using an extension of Holt's method", Management
Science 32, 1986), so the frame rate does not matter. The current label stays until another label is clearly ahead of
it: hysteresis (O. H. Schmitt, "A thermionic trigger", Journal of Scientific Instruments 15, 1938).

The agent ``track`` uses this rule for the statistics, the gateway for the browser. Both read the topic of predictions
in its order and use only the first outcome of each frame, so both get the same labels.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from streams.contract.messages import Prediction
from streams.contract.outcomes import Hop

TIME_CONSTANT_MS = 400.0  # after this time without support, a score has fallen to 1/e
HYSTERESIS = 1.25  # a label replaces the current one when its score is more than this many times as high
MIN_SCORE = 0.005  # lower scores are removed
DEFAULT_STEP_MS = 100.0  # time since the frame before, for a prediction without times


@dataclass(slots=True)
class ExponentialSmoothing:
    """The smoothed label of a session.

    ``seq`` is the newest frame that was used, ``at`` the time at which the gateway received it, in milliseconds since
    1970. ``switches`` counts the changes of ``label``. ``scores`` are the smoothed probabilities by label, 0 to 1.
    """

    label: str = ""
    seq: int = 0
    at: float = 0.0
    switches: int = 0
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def probability(self) -> float:
        """The smoothed probability of the current label, 0 to 1."""
        return self.scores.get(self.label, 0.0)

    def update(self, prediction: Prediction) -> None:
        """Add an answered frame. A frame that is older than the newest one changes nothing."""
        if not prediction.labels or prediction.seq <= self.seq:
            return
        at = prediction.times.get(Hop.RECEIVED, self.at + DEFAULT_STEP_MS)
        weight = 1 - math.exp(-max(0.0, at - self.at) / TIME_CONSTANT_MS) if self.label else 1.0
        scores = {label: (1 - weight) * score for label, score in self.scores.items()}
        for each in prediction.labels:
            scores[each.label] = scores.get(each.label, 0.0) + weight * each.probability
        best = max(scores, key=scores.__getitem__)
        if scores[best] > HYSTERESIS * scores.get(self.label, 0.0):
            self.switches += bool(self.label)
            self.label = best
        self.seq = prediction.seq
        self.at = at
        # rounded here, not in pack(): a label that was packed and unpacked then continues with the same numbers
        self.scores = {label: round(score, 4) for label, score in scores.items() if score >= MIN_SCORE}

    def pack(self) -> list[Any]:
        """All fields as a list for JSON; ``SmoothedLabel(*packed)`` is the label again."""
        return [self.label, self.seq, self.at, self.switches, self.scores]


SmoothedLabel = ExponentialSmoothing  # the rule in use

"""The steady label: what the network has been saying lately, rather than what it says of this one frame.

The probabilities of all labels are smoothed exponentially over time (R. G. Brown, "Smoothing, Forecasting and
Prediction of Discrete Time Series", 1963; with the weight for unequal steps of D. J. Wright, "Forecasting data
published at irregular time intervals using an extension of Holt's method", Management Science 32, 1986), so that
five and sixty frames a second feel the same. The label in place stays until another one is clearly ahead of it:
hysteresis, as in O. H. Schmitt's trigger ("A thermionic trigger", Journal of Scientific Instruments 15, 1938).

The rule stands here, beside the messages, because two follow it: ``track`` for the statistics, and the gateway for
the browser's next picture, where it costs no further hop and no second definition in another language. Both read the
topic of predictions in its order and count a frame's first fate only, so both come to the same labels.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from streams.contract.messages import Prediction
from streams.contract.outcomes import Hop

MEMORY_MS = 400.0  # after this long a probability that has ended counts for 1/e
AHEAD = 1.25  # another label takes over when its probability is so many times that of the one in place
FORGET = 0.005
USUAL_STEP_MS = 100.0  # for a prediction that carries no times


@dataclass(slots=True)
class SmoothedLabel:
    """The steady ``label`` after the frame ``seq``, received ``at`` ms since 1970, and how often it has changed.

    ``scores`` are the smoothed probabilities, 0 to 1, less those near 0.
    """

    label: str = ""
    seq: int = 0
    at: float = 0.0
    switches: int = 0
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def probability(self) -> float:
        """The smoothed probability of the label in place."""
        return self.scores.get(self.label, 0.0)

    def follow(self, prediction: Prediction) -> None:
        """Take one more answered frame; one that comes after a newer one changes nothing."""
        if not prediction.labels or prediction.seq <= self.seq:
            return
        at = prediction.times.get(Hop.RECEIVED, self.at + USUAL_STEP_MS)
        weight = 1 - math.exp(-max(0.0, at - self.at) / MEMORY_MS) if self.label else 1.0
        scores = {label: (1 - weight) * score for label, score in self.scores.items()}
        for each in prediction.labels:
            scores[each.label] = scores.get(each.label, 0.0) + weight * each.probability
        best = max(scores, key=scores.__getitem__)
        if scores.get(self.label, 0.0) * AHEAD < scores[best]:
            self.switches += bool(self.label)
            self.label = best
        self.seq = prediction.seq
        self.at = at
        # rounded here and not where it is written, so that who goes on from what was written comes to the same
        self.scores = {label: round(score, 4) for label, score in scores.items() if score >= FORGET}

    def pack(self) -> list[Any]:
        """As a list for JSON."""
        return [self.label, self.seq, self.at, self.switches, self.scores]

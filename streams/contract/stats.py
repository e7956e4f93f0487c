"""A session's statistics, and the one step that brings them up to date.

The step looks at nothing but the statistics, the prediction and the time it was published: whoever takes the same
predictions in the same order comes to the same numbers, also by way of what was written in between. It changes the
statistics in place, because it runs for every frame of every session; they belong to whoever made or loaded them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.contract import histogram
from streams.contract.codec import Codec
from streams.contract.history import Slot, coarsen, slot_start
from streams.contract.messages import Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome
from streams.contract.smoothing import SmoothedLabel

REMEMBERED = 256  # sequence numbers; a frame's fate is known long before its session sends that many more
UNECHOED = 32  # answered frames whose round trip the browser has not told yet
PAUSE_MS = 10_000.0  # between two answers: nothing was being watched

_codec = Codec()


@dataclass(slots=True)
class LabelStats:
    """How a raw top-1 label fared: answers, sum of their probabilities, milliseconds on top, and how often there."""

    answers: int = 0
    probability: float = 0.0
    on_top_ms: float = 0.0
    stays: int = 0


@dataclass(slots=True)
class SessionStats:
    """What is known of one session. Times are milliseconds since 1970, durations milliseconds.

    ``top`` is the raw label of the ``newest`` answered frame, ``streak`` how many frames in a row have had it,
    ``switches`` how often it has changed in the time ``watched``; ``steady`` is the smoothed label.

    ``models`` counts answers by version, ``names`` names their models. ``hops`` holds a histogram for each hop and
    ``latency`` the one from capture to label on screen, as the client measured it. Every sequence number up to
    ``floor``, and those in ``beyond``, are counted: a replay changes nothing.
    """

    session: str
    started: float
    last_seen: float
    answered: int = 0
    expired: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    labels: dict[str, LabelStats] = field(default_factory=dict)
    top: str = ""
    streak: int = 0
    switches: int = 0
    watched: float = 0.0
    newest: int = 0
    answered_at: float = 0.0
    steady: SmoothedLabel = field(default_factory=SmoothedLabel)
    models: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    latency: dict[int, int] = field(default_factory=dict)
    hops: dict[str, dict[int, int]] = field(default_factory=dict)
    unechoed: dict[int, float] = field(default_factory=dict)
    history: list[list[Any]] = field(default_factory=list)  # slots that are over, packed
    slot: Slot | None = None
    floor: int = 0
    beyond: set[int] = field(default_factory=set)

    @property
    def sent(self) -> int:
        """Frames whose fate is known."""
        return self.answered + self.expired + sum(self.dropped.values())

    def label_counts(self) -> Counter[str]:
        """Answers by raw top-1 label."""
        return Counter({label: each.answers for label, each in self.labels.items()})

    def add(self, prediction: Prediction, at: float) -> bool:
        """Take one more prediction, published at ``at``; whether it was news, or its frame's fate known already."""
        seq, outcome = prediction.seq, prediction.outcome
        if not (news := sum(map(self._is_news, prediction.seqs))):
            return False
        at = self.last_seen = max(at, self.last_seen)
        slot = self._slot(at)
        if outcome == Outcome.ANSWERED:
            self.answered += 1
            slot.answered += 1
            self.models[prediction.version] = self.models.get(prediction.version, 0) + 1
            self.names[prediction.version] = prediction.model
            self._note_times(seq, prediction.times, slot)
            if prediction.labels:
                self._note_label(prediction, at, slot)
        elif outcome == Outcome.EXPIRED:
            self.expired += news
            slot.expired += news
        else:
            self.dropped[outcome] = self.dropped.get(outcome, 0) + news
            slot.dropped += news
        for number, round_trip in prediction.echoes:
            self._note_echo(int(number), round_trip, slot)
        return True

    def _is_news(self, seq: int) -> bool:
        if seq <= self.floor or seq in self.beyond:
            return False
        self.beyond.add(seq)
        if seq - REMEMBERED > self.floor:
            self.floor = seq - REMEMBERED
            self.beyond = {each for each in self.beyond if each > self.floor}
        while self.floor + 1 in self.beyond:
            self.floor += 1
            self.beyond.remove(self.floor)
        return True

    def _slot(self, at: float) -> Slot:
        start = slot_start(at)
        if self.slot is None:
            self.slot = Slot(start)
        elif start > self.slot.start:  # a time before the slot counts for it
            self.history = coarsen([*self.history, self.slot.pack()], start)
            self.slot = Slot(start)
        return self.slot

    def _note_times(self, seq: int, times: Mapping[str, float], slot: Slot) -> None:
        start = times.get(CAPTURED)
        for place, hop in enumerate(SERVER_HOPS):
            end = times.get(hop)
            if start is not None and end is not None:
                histogram.count(self.hops.setdefault(hop, {}), end - start)
                slot.hops[place] = round(slot.hops[place] + max(0.0, end - start), 1)
            start = end
        if CAPTURED in times and Hop.PUBLISHED in times:
            self.unechoed[seq] = times[Hop.PUBLISHED] - times[CAPTURED]
            if len(self.unechoed) > UNECHOED:
                del self.unechoed[next(iter(self.unechoed))]

    def _note_label(self, prediction: Prediction, at: float, slot: Slot) -> None:
        best = prediction.labels[0]
        label = self.labels.setdefault(best.label, LabelStats())
        label.answers += 1
        label.probability = round(label.probability + best.probability, 5)
        place = list(self.labels).index(best.label)
        slot.labels[place] = slot.labels.get(place, 0) + 1
        self.steady.follow(prediction)
        if prediction.seq < self.newest:  # answered after a newer one: nothing to switch from or to
            return
        self.newest = prediction.seq
        passed = at - self.answered_at
        went_on = self.answered_at > 0 and passed <= PAUSE_MS
        self.answered_at = at
        if went_on:
            self.watched += passed
            self.labels[self.top].on_top_ms += passed
        if best.label == self.top:
            self.streak += 1
        else:
            self.switches += bool(self.top)
            self.top, self.streak = best.label, 1
            label.stays += 1

    def _note_echo(self, seq: int, round_trip: float, slot: Slot) -> None:
        histogram.count(self.latency, round_trip)
        histogram.count(slot.latency, round_trip)
        on_the_server = self.unechoed.pop(seq, None)
        if on_the_server is not None:
            delivered = max(0.0, round_trip - on_the_server)
            histogram.count(self.hops.setdefault(Hop.DELIVERED, {}), delivered)
            slot.hops[-1] = round(slot.hops[-1] + delivered, 1)

    def dumps(self) -> bytes:
        """The statistics as the value of a message."""
        return _codec.dumps(
            {
                "session": self.session,
                "started": self.started,
                "last_seen": self.last_seen,
                "answered": self.answered,
                "expired": self.expired,
                "dropped": self.dropped,
                "labels": {
                    label: [each.answers, each.probability, each.on_top_ms, each.stays]
                    for label, each in self.labels.items()
                },
                "top": [self.top, self.streak, self.switches, self.watched, self.newest, self.answered_at],
                "steady": self.steady.pack(),
                "models": [[version, number, self.names[version]] for version, number in self.models.items()],
                "latency": histogram.pack(self.latency),
                "hops": {hop: histogram.pack(each) for hop, each in self.hops.items()},
                "unechoed": [*self.unechoed.items()],
                "history": self.history,
                "slot": self.slot.pack() if self.slot else None,
                "floor": self.floor,
                "beyond": sorted(self.beyond),
            }
        )

    @classmethod
    def loads(cls, value: bytes) -> "SessionStats":
        """The statistics that were written.

        Raises:
            ValueError, KeyError, TypeError: the message is something else.
        """
        fields = _codec.loads(value)
        top, streak, switches, watched, newest, answered_at = fields.pop("top")
        models = fields.pop("models")
        return cls(
            **{
                **fields,
                "labels": {label: LabelStats(*each) for label, each in fields["labels"].items()},
                "steady": SmoothedLabel(*fields["steady"]),
                "latency": histogram.unpack(fields["latency"]),
                "hops": {hop: histogram.unpack(each) for hop, each in fields["hops"].items()},
                "unechoed": {seq: ms for seq, ms in fields["unechoed"]},  # noqa: C416 - dict() takes no lists
                "slot": Slot.unpack(fields["slot"]) if fields["slot"] else None,
                "beyond": set(fields["beyond"]),
            },
            top=top,
            streak=streak,
            switches=switches,
            watched=watched,
            newest=newest,
            answered_at=answered_at,
            models={version: number for version, number, _ in models},
            names={version: name for version, _, name in models},
        )

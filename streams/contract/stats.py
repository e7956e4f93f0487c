"""A session's statistics, and the one step that updates them.

The step depends only on the statistics, the prediction and the time when it was published. So every process that
reads the same predictions in the same order gets the same numbers, also if it continues from stored statistics. The
step runs for every frame of every session; therefore it changes the statistics in place.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict, get_type_hints

import msgspec

from streams.contract import histogram
from streams.contract.codec import Codec
from streams.contract.history import Slot, coarsen, slot_start
from streams.contract.messages import MAX_COUNT, MAX_MS, MAX_SEQ, Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome
from streams.contract.smoothing import SmoothedLabel

SEQ_WINDOW = 256  # sequence numbers; the outcome of a frame is known before its session sends this many more
MAX_AWAITING_ECHO = 32  # answered frames for which the browser has not yet reported the round trip
PAUSE_MS = 10_000.0  # a longer gap between two answers does not count as watched time

_codec = Codec()

Ms = Annotated[float, msgspec.Meta(ge=-MAX_MS, le=MAX_MS)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Seq = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)]
Start = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]  # of a slot, in seconds since 1970
PackedSlot = tuple[Start, Count, Count, Count, Count, list[int], list[Ms], list[Count]]


class PackedStats(TypedDict):
    """The fields of a session's statistics in a message. Unknown fields are left out when it is read."""

    session: str
    started: Ms
    last_seen: Ms
    answered: Count
    expired: Count
    dropped: dict[str, Count]
    labels: dict[str, tuple[Count, Ms, Ms, Count]]
    top: tuple[str, Count, Count, Ms, Seq, Ms]
    steady: list[Any]
    models: list[tuple[str, Count, str]]
    latency: list[int]
    hops: dict[str, list[int]]
    unechoed: list[tuple[Seq, Ms]]
    history: list[PackedSlot]
    slot: PackedSlot | None
    floor: Seq
    beyond: list[Seq]


@dataclass(slots=True)
class LabelStats:
    """Numbers of one raw top-1 label.

    ``answers`` counts the answers that had it on top, ``probability_sum`` adds up its probabilities there.
    ``on_top_ms`` is the time in milliseconds for which it was the newest label, ``times_on_top`` how often it became
    the newest label.
    """

    answers: int = 0
    probability_sum: float = 0.0
    on_top_ms: float = 0.0
    times_on_top: int = 0


@dataclass(slots=True)
class SessionStats:
    """All numbers of one session. Times are milliseconds since 1970, durations are milliseconds.

    Frames: ``answered``, ``expired`` and ``dropped`` (by reason) count them. ``models`` counts answers by the model's
    version, ``names`` gives the model's name for each version. Each sequence number up to ``floor``, and each one in
    ``above_floor``, is already counted, so a replay changes nothing.

    Labels: ``labels`` has the numbers of each raw top-1 label. ``top`` is the raw label of the newest answered frame,
    ``newest_seq``, whose answer was published at ``answered_at``. ``streak`` counts the frames in a row with that
    label, ``switches`` its changes during ``watched_ms``. ``smoothed`` is the smoothed label.

    Durations: ``hops`` has a histogram for each hop. ``latency`` is the histogram from capture to display, as the
    browser measured it. ``awaiting_echo`` has the time from capture to publishing of each answered frame whose round
    trip is not known yet.

    ``history`` holds the completed time slots, packed, and ``slot`` is the current one.
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
    watched_ms: float = 0.0
    newest_seq: int = 0
    answered_at: float = 0.0
    smoothed: SmoothedLabel = field(default_factory=SmoothedLabel)
    models: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    latency: dict[int, int] = field(default_factory=dict)
    hops: dict[str, dict[int, int]] = field(default_factory=dict)
    awaiting_echo: dict[int, float] = field(default_factory=dict)
    history: list[list[Any]] = field(default_factory=list)
    slot: Slot | None = None
    floor: int = 0
    above_floor: set[int] = field(default_factory=set)

    @property
    def sent(self) -> int:
        """The number of frames with a known outcome."""
        return self.answered + self.expired + sum(self.dropped.values())

    def label_counts(self) -> Counter[str]:
        """Answers by raw top-1 label."""
        return Counter({label: each.answers for label, each in self.labels.items()})

    def add(self, prediction: Prediction, at: float) -> bool:
        """Add a prediction that was published at ``at``.

        Returns False, and changes nothing, if the outcome of all its frames is counted already.
        """
        new = sum(map(self._mark_counted, prediction.seqs))
        if not new:
            return False
        at = self.last_seen = max(at, self.last_seen)
        slot = self._slot_at(at)
        outcome = prediction.outcome
        if outcome == Outcome.ANSWERED:
            self.answered += 1
            slot.answered += 1
            self.models[prediction.version] = self.models.get(prediction.version, 0) + 1
            self.names[prediction.version] = prediction.model
            self._add_times(prediction.seq, prediction.times, slot)
            if prediction.labels:
                self._add_label(prediction, at, slot)
        elif outcome == Outcome.EXPIRED:
            self.expired += new
            slot.expired += new
        else:
            self.dropped[outcome] = self.dropped.get(outcome, 0) + new
            slot.dropped += new
        for seq, round_trip_ms in prediction.echoes:
            self._add_echo(int(seq), round_trip_ms, slot)
        return True

    def _mark_counted(self, seq: int) -> bool:
        """Mark a sequence number as counted. Returns False if it was marked already."""
        if seq <= self.floor or seq in self.above_floor:
            return False
        self.above_floor.add(seq)
        if seq - SEQ_WINDOW > self.floor:
            self.floor = seq - SEQ_WINDOW
            self.above_floor = {each for each in self.above_floor if each > self.floor}
        while self.floor + 1 in self.above_floor:
            self.floor += 1
            self.above_floor.remove(self.floor)
        return True

    def _slot_at(self, at: float) -> Slot:
        """The current slot, which is a new one if the time has passed the old one's end."""
        start = slot_start(at)
        if self.slot is None:
            self.slot = Slot(start)
        elif start > self.slot.start:  # an earlier time counts in the current slot
            self.history = coarsen([*self.history, self.slot.pack()], start)
            self.slot = Slot(start)
        return self.slot

    def _add_times(self, seq: int, times: Mapping[str, float], slot: Slot) -> None:
        start = times.get(CAPTURED)
        for place, hop in enumerate(SERVER_HOPS):
            end = times.get(hop)
            if start is not None and end is not None:
                histogram.add(self.hops.setdefault(hop, {}), end - start)
                slot.hops[place] = round(slot.hops[place] + max(0.0, end - start), 1)
            start = end
        if CAPTURED in times and Hop.PUBLISHED in times:
            self.awaiting_echo[seq] = times[Hop.PUBLISHED] - times[CAPTURED]
            if len(self.awaiting_echo) > MAX_AWAITING_ECHO:
                del self.awaiting_echo[next(iter(self.awaiting_echo))]

    def _add_label(self, prediction: Prediction, at: float, slot: Slot) -> None:
        best = prediction.labels[0]
        label = self.labels.setdefault(best.label, LabelStats())
        label.answers += 1
        label.probability_sum = round(label.probability_sum + best.probability, 5)
        place = list(self.labels).index(best.label)
        slot.labels[place] = slot.labels.get(place, 0) + 1
        self.smoothed.update(prediction)
        if prediction.seq < self.newest_seq:  # a newer frame was answered before this one
            return
        self.newest_seq = prediction.seq
        passed = at - self.answered_at
        was_watched = self.answered_at > 0 and passed <= PAUSE_MS
        self.answered_at = at
        if was_watched:
            self.watched_ms += passed
            self.labels[self.top].on_top_ms += passed
        if best.label == self.top:
            self.streak += 1
        else:
            self.switches += bool(self.top)
            self.top, self.streak = best.label, 1
            label.times_on_top += 1

    def _add_echo(self, seq: int, round_trip_ms: float, slot: Slot) -> None:
        histogram.add(self.latency, round_trip_ms)
        histogram.add(slot.latency, round_trip_ms)
        server_ms = self.awaiting_echo.pop(seq, None)
        if server_ms is not None:
            delivered = max(0.0, round_trip_ms - server_ms)
            histogram.add(self.hops.setdefault(Hop.DELIVERED, {}), delivered)
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
                    label: [each.answers, each.probability_sum, each.on_top_ms, each.times_on_top]
                    for label, each in self.labels.items()
                },
                "top": [self.top, self.streak, self.switches, self.watched_ms, self.newest_seq, self.answered_at],
                "steady": self.smoothed.pack(),
                "models": [[version, number, self.names[version]] for version, number in self.models.items()],
                "latency": histogram.pack(self.latency),
                "hops": {hop: histogram.pack(each) for hop, each in self.hops.items()},
                "unechoed": [*self.awaiting_echo.items()],
                "history": self.history,
                "slot": self.slot.pack() if self.slot else None,
                "floor": self.floor,
                "beyond": sorted(self.above_floor),
            }
        )

    @classmethod
    def loads(cls, value: bytes) -> "SessionStats":
        """The statistics from the value of a message.

        Raises:
            ValueError: the value is not the statistics of a session.
        """
        packed = msgspec.convert(_codec.loads(value), PackedStats)
        top, streak, switches, watched_ms, newest_seq, answered_at = packed["top"]
        if top and top not in packed["labels"]:
            raise ValueError("the newest label was never counted")
        slots = [Slot.unpack(each) for each in (*packed["history"], packed["slot"]) if each]
        if any(place >= len(packed["labels"]) for slot in slots for place in slot.labels):
            raise ValueError("a time slot has a label that was never counted")
        return cls(
            session=packed["session"],
            started=packed["started"],
            last_seen=packed["last_seen"],
            answered=packed["answered"],
            expired=packed["expired"],
            dropped=packed["dropped"],
            labels={label: LabelStats(*each) for label, each in packed["labels"].items()},
            top=top,
            streak=streak,
            switches=switches,
            watched_ms=watched_ms,
            newest_seq=newest_seq,
            answered_at=answered_at,
            smoothed=SmoothedLabel(*msgspec.convert(packed["steady"], _SMOOTHED)),
            models={version: number for version, number, _ in packed["models"]},
            names={version: name for version, _, name in packed["models"]},
            latency=histogram.unpack(packed["latency"]),
            hops={hop: histogram.unpack(each) for hop, each in packed["hops"].items()},
            awaiting_echo=dict(packed["unechoed"]),
            history=[list(each) for each in packed["history"]],
            slot=slots[-1] if packed["slot"] else None,
            floor=packed["floor"],
            above_floor=set(packed["beyond"]),
        )


_SMOOTHED: Any = tuple[tuple(get_type_hints(SmoothedLabel).values())]  # type: ignore[misc]

"""One session's frames between their arrival and their fate.

Pure: what is to be published is returned, the clock passed in.

The predictions topic alone decides a frame's fate: what the gateway itself drops or gives up is published there like
a worker's answer, and only what comes back from the topic, the first for each frame, reaches the browser. So browser,
gateway and statistics count the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from streams.contract.messages import Frame, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from streams.contract.smoothing import SmoothedLabel
from web.protocol import BadMessage, Upload
from web.traffic import SessionTraffic

REMEMBERED_ANSWERS = 256
MOST_AT_ONCE = 48  # superseded frames in one message: who comes back may ask for those and the rest under way
WORD_EVERY_MS = 1000.0  # of superseded frames: each word costs as much on its way as an answer
PATIENCE_S = 2.0  # how long a session may send at twice its rate before it is cut off


class Flood(BadMessage):
    """A session sends so much more than it may that its socket is closed."""

    def __init__(self, max_fps: float) -> None:
        super().__init__(
            "flood", f"far more than {max_fps:g} frames a second: wait for an answer before you send more"
        )


@dataclass(slots=True)
class Session:
    """Every frame taken by ``offer`` is ``unanswered`` until ``settle`` is told its fate.

    All times are milliseconds since 1970.
    """

    id: str
    settings: Settings
    seq: int = 0
    offset: float | None = None  # server clock minus browser clock
    last_seen: float = 0.0
    unanswered: dict[int, float] = field(default_factory=dict)  # sequence number -> when it expires
    settled: OrderedDict[int, Prediction] = field(default_factory=OrderedDict)
    steady: SmoothedLabel = field(default_factory=SmoothedLabel)
    traffic: SessionTraffic = field(default_factory=SessionTraffic)
    _in_flight: set[int] = field(default_factory=set)
    _waiting: tuple[Upload, str, float] | None = None  # with the model it is for, and when it came
    _superseded: list[Upload] = field(default_factory=list)  # and not yet told; without their pictures
    _told: float = 0.0  # when word of superseded frames went out last
    _tokens: float = 0.0
    _refilled: float = 0.0

    @property
    def in_flight(self) -> int:
        """How many frames are with the workers."""
        return len(self._in_flight)

    @property
    def is_full(self) -> bool:
        """Whether a frame waits already: the next one would push it out."""
        return self._waiting is not None

    def offer(self, upload: Upload, model: str, now: float) -> list[Frame | Prediction]:
        """Take a frame from the browser; what to publish now.

        Raises:
            BadMessage: its sequence number is not greater than all before.
            Flood: the session is far beyond its rate.
        """
        if upload.seq <= self.seq:
            raise BadMessage("bad_seq", f"sequence number {upload.seq} comes after {self.seq}: each must be greater")
        over_rate = not self._spend(now)
        self.seq = upload.seq
        self.last_seen = now
        self.traffic.count_received(upload.echoes)
        self.unanswered[upload.seq] = now + self.settings.expire_s * 1000
        if over_rate:
            return [
                self._drop(
                    upload, reason=Outcome.RATE, message=f"more than {self.settings.max_fps:g} frames a second"
                )
            ]
        if len(upload.jpeg) > (most := self.settings.max_frame_bytes):
            why = f"{len(upload.jpeg)} bytes; a frame has at most {most}"
            return [self._drop(upload, reason=Outcome.TOO_LARGE, message=why)]
        if upload.jpeg[:2] != b"\xff\xd8":
            why = "a frame is a JPEG, and starts with the bytes FF D8"
            return [self._drop(upload, reason=Outcome.UNREADABLE, message=why)]
        if len(self._in_flight) < self.settings.credits:
            return [self._send(upload, model, now)]
        if self._waiting:
            self._superseded.append(replace(self._waiting[0], jpeg=b""))
        self._waiting = upload, model, now
        return self._word(now) if len(self._superseded) == MOST_AT_ONCE else []

    def settle(self, prediction: Prediction, now: float) -> tuple[list[int], list[Frame | Prediction]]:
        """Learn a fate from the topic: of which frames it is news, and what to publish now.

        With a frame that is done goes word of those superseded meanwhile, if that is due.
        """
        fresh = [seq for seq in prediction.seqs if seq not in self.settled]
        if not fresh:
            return [], []
        for seq in fresh:
            self.settled[seq] = prediction
        while len(self.settled) > REMEMBERED_ANSWERS:
            self.settled.popitem(last=False)
        if prediction.outcome == Outcome.ANSWERED:
            self.steady.update(prediction)
        news = [seq for seq in fresh if self.unanswered.pop(seq, None) is not None]
        if news:
            self.traffic.count_outcome(prediction.outcome, len(news), now)
        if self._in_flight.isdisjoint(fresh):
            return news, []
        self._in_flight.difference_update(fresh)
        return news, [*self._next(now), *self.flush(now)]

    def flush(self, now: float) -> list[Frame | Prediction]:
        """Word of the frames superseded since the last time, if it is due: one message for all of them."""
        every = min(WORD_EVERY_MS, self.settings.expire_s * 500)  # before they would be given up
        return self._word(now) if self._superseded and now - self._told >= every else []

    def _word(self, now: float) -> list[Frame | Prediction]:
        superseded, self._superseded, self._told = self._superseded, [], now
        return [self._drop(*superseded, reason=Outcome.SUPERSEDED)]

    def _next(self, now: float) -> list[Frame | Prediction]:
        if self._waiting is None or len(self._in_flight) >= self.settings.credits:
            return []
        (upload, model, received), self._waiting = self._waiting, None
        if upload.seq not in self.unanswered:
            return []
        if now - received > self.settings.freshness_ms:
            return [self._drop(upload, reason=Outcome.STALE)]
        return [self._send(upload, model, received)]

    def _send(self, upload: Upload, model: str, received: float) -> Frame:
        self._in_flight.add(upload.seq)
        return Frame(
            session=self.id,
            seq=upload.seq,
            model=model,
            captured=received if self.offset is None else min(received, upload.captured + self.offset),
            received=received,
            echoes=[list(echo) for echo in upload.echoes],
            jpeg=upload.jpeg,
        )

    def resume(self, pending: list[int], now: float) -> list[tuple[int, Prediction]]:
        """The fates of those frames of a returning browser that have one; the others are awaited from now on."""
        self.last_seen = now
        self.seq = max([self.seq, *pending])
        for seq in pending:
            if seq not in self.settled and seq not in self.unanswered:
                self.unanswered[seq] = now + self.settings.expire_s * 1000
        return [(seq, self.settled[seq]) for seq in pending if seq in self.settled]

    def expire(self, now: float) -> list[Prediction]:
        """Give up the frames whose time has come; they are asked for again until their fate is known."""
        late = [seq for seq, deadline in self.unanswered.items() if deadline <= now]
        for seq in late:
            self.unanswered[seq] = now + self.settings.expire_s * 1000
        return [Prediction(session=self.id, seq=seq, outcome=Outcome.EXPIRED, stage=Stage.GATEWAY) for seq in late]

    def _spend(self, now: float) -> bool:
        rate = self.settings.max_fps
        elapsed = (now - self._refilled) / 1000 if self._refilled else 1.0
        self._tokens = min(rate, self._tokens + elapsed * rate) - 1
        self._refilled = now
        if self._tokens < -PATIENCE_S * rate:
            raise Flood(rate)
        return self._tokens >= 0

    def _drop(self, *uploads: Upload, reason: Outcome, message: str = "") -> Prediction:
        seq, *also = [each.seq for each in uploads]
        return Prediction(
            session=self.id,
            seq=seq,
            outcome=reason,
            stage=Stage.GATEWAY,
            message=message,
            echoes=[list(echo) for each in uploads for echo in each.echoes],
            also=also,
        )

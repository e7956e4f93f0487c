"""One session's frames between their arrival and their fate.

Pure: what is to be published is returned, the clock passed in.

The predictions topic alone decides a frame's fate: what the gateway itself drops or gives up is published there like
a worker's answer, and only what comes back from the topic, the first for each frame, reaches the browser. So browser,
gateway and statistics count the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from streams.messages import EXPIRED, Frame, Prediction
from streams.settings import Settings
from web.protocol import BadMessage, Upload

SUPERSEDED = "superseded"
STALE = "stale"
TOO_LARGE = "too_large"
UNREADABLE = "unreadable"
RATE = "rate"

REMEMBERED_ANSWERS = 64
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
    _in_flight: set[int] = field(default_factory=set)
    _waiting: Frame | None = None
    _tokens: float = 0.0
    _refilled: float = 0.0

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
        self.unanswered[upload.seq] = now + self.settings.expire_s * 1000
        if over_rate:
            return [self._drop(upload.seq, RATE, f"more than {self.settings.max_fps:g} frames a second")]
        if len(upload.jpeg) > (most := self.settings.max_frame_bytes):
            return [self._drop(upload.seq, TOO_LARGE, f"{len(upload.jpeg)} bytes; a frame has at most {most}")]
        if upload.jpeg[:2] != b"\xff\xd8":
            return [self._drop(upload.seq, UNREADABLE, "a frame is a JPEG, and starts with the bytes FF D8")]
        frame = Frame(
            session=self.id,
            seq=upload.seq,
            model=model,
            captured=now if self.offset is None else min(now, upload.captured + self.offset),
            received=now,
            echoes=[list(echo) for echo in upload.echoes],
            jpeg=upload.jpeg,
        )
        if len(self._in_flight) < self.settings.credits:
            self._in_flight.add(frame.seq)
            return [frame]
        older, self._waiting = self._waiting, frame
        return [self._drop(older.seq, SUPERSEDED)] if older else []

    def settle(self, prediction: Prediction, now: float) -> tuple[bool, list[Frame | Prediction]]:
        """Learn a frame's fate from the topic: whether it is news, and what to publish now."""
        if prediction.seq in self.settled:
            return False, []
        self.settled[prediction.seq] = prediction
        if len(self.settled) > REMEMBERED_ANSWERS:
            self.settled.popitem(last=False)
        news = self.unanswered.pop(prediction.seq, None) is not None
        self._in_flight.discard(prediction.seq)
        if self._waiting is None or len(self._in_flight) >= self.settings.credits:
            return news, []
        frame, self._waiting = self._waiting, None
        if frame.seq not in self.unanswered:
            return news, []
        if now - frame.received > self.settings.freshness_ms:
            return news, [self._drop(frame.seq, STALE)]
        self._in_flight.add(frame.seq)
        return news, [frame]

    def resume(self, pending: list[int], now: float) -> list[Prediction]:
        """The answers to those frames of a returning browser that have one; the others are awaited from now on."""
        self.last_seen = now
        self.seq = max([self.seq, *pending])
        for seq in pending:
            if seq not in self.settled and seq not in self.unanswered:
                self.unanswered[seq] = now + self.settings.expire_s * 1000
        return [self.settled[seq] for seq in pending if seq in self.settled]

    def expire(self, now: float) -> list[Prediction]:
        """Give up the frames whose time has come; they are asked for again until their fate is known."""
        late = [seq for seq, deadline in self.unanswered.items() if deadline <= now]
        for seq in late:
            self.unanswered[seq] = now + self.settings.expire_s * 1000
        return [self._drop(seq, EXPIRED) for seq in late]

    def _spend(self, now: float) -> bool:
        rate = self.settings.max_fps
        elapsed = (now - self._refilled) / 1000 if self._refilled else 1.0
        self._tokens = min(rate, self._tokens + elapsed * rate) - 1
        self._refilled = now
        if self._tokens < -PATIENCE_S * rate:
            raise Flood(rate)
        return self._tokens >= 0

    def _drop(self, seq: int, reason: str, message: str = "") -> Prediction:
        return Prediction(session=self.id, seq=seq, outcome=reason, stage="gateway", message=message)

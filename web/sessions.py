"""One session's frames, from their arrival until their outcome is known.

Pure: the methods return what is to be published, and the clock is passed in.

The predictions topic alone decides a frame's outcome. What the gateway itself drops or gives up is published there,
like a worker's answer. Only what comes back from the topic reaches the browser, and only the first outcome of each
frame counts. So browser, gateway and statistics count the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from streams.contract.messages import Frame, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from streams.contract.smoothing import SmoothedLabel
from web.protocol import BadMessage, Upload
from web.traffic import SessionTraffic

REMEMBERED_OUTCOMES = 256
MAX_SUPERSEDED = 48  # frames in one drop: with those in flight, a returning browser may ask for no more than 64
SUPERSEDED_EVERY_MS = 1000.0  # between two drops of superseded frames: each costs as much as an answer
FLOOD_AFTER_S = 2.0  # a session that sends for so long at twice its rate is disconnected
ADOPTED_MS = 500.0  # beyond the freshness limit; workers drop what is older, so it is answered by then, or lost
GAP = 32  # numbers that are left out when a session comes from another gateway, see ``Session.resume``


class Flood(BadMessage):
    """A session sends so much more than it may that its socket is closed."""

    def __init__(self, max_fps: float) -> None:
        super().__init__(
            "flood",
            f"frames come far faster than the limit of {max_fps:g} a second: wait for an answer before you send more",
        )


class TakenOver(BadMessage):
    """The session goes on at another socket."""

    def __init__(self) -> None:
        super().__init__("taken_over", "this session goes on in another tab or window")


class Settled(NamedTuple):
    """What an outcome from the topic changes.

    ``seqs`` are the frames that waited for it, ``messages`` are to be published now. ``received`` is how many of the
    frames came to this gateway.
    """

    seqs: list[int]
    messages: list[Frame | Prediction]
    received: int


@dataclass(slots=True)
class Session:
    """Every frame that ``offer`` takes is ``unanswered`` until ``settle`` gets its outcome.

    A session may be at several gateways: at one after the other, or at two at once while one of them does not yet
    know that its socket is dead. Each waits for the outcomes of the frames that it received. The one to which the
    browser comes also waits for ``adopted`` frames: those that the browser still awaits and another gateway received.

    All times are milliseconds since 1970.
    """

    id: str
    settings: Settings
    partition: int = 0
    seq: int = 0  # the greatest of this gateway's frames
    newest: int = 0  # the greatest that has an outcome
    offset: float | None = None  # server clock minus browser clock
    last_seen: float = 0.0
    unanswered: dict[int, float] = field(default_factory=dict)  # sequence number -> when it expires
    adopted: dict[int, float] = field(default_factory=dict)  # the same for frames that another gateway received
    settled: OrderedDict[int, Prediction] = field(default_factory=OrderedDict)
    smoothed: SmoothedLabel = field(default_factory=SmoothedLabel)
    traffic: SessionTraffic = field(default_factory=SessionTraffic)
    _sends: bool = False  # whether a frame came since the browser last connected here
    _in_flight: set[int] = field(default_factory=set)
    _waiting: tuple[Upload, str, float] | None = None  # a frame, the model it is for, and when it came
    _superseded: list[Upload] = field(default_factory=list)  # not yet published; without their pictures
    _superseded_at: float = 0.0  # when superseded frames were last published
    _tokens: float = 0.0  # of the token bucket that limits the rate
    _refilled_at: float = 0.0

    @property
    def in_flight(self) -> int:
        """How many frames are with the workers."""
        return len(self._in_flight)

    @property
    def is_full(self) -> bool:
        """Whether a frame waits already: the next one would push it out."""
        return self._waiting is not None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the topic has outcomes of frames that the browser sent to another gateway after those it sent here.

        Then another socket has the session. Frames that were sent elsewhere before have smaller numbers.
        """
        return self._sends and self.newest > self.seq

    @property
    def is_waiting(self) -> bool:
        """Whether a frame has no outcome yet."""
        return bool(self.unanswered or self.adopted)

    def offer(self, upload: Upload, model: str, now: float) -> list[Frame | Prediction]:
        """Take a frame from the browser. Returns what to publish now.

        Raises:
            BadMessage: its sequence number is not greater than all before.
            TakenOver: another socket has sent a frame with this number or a greater one.
            Flood: the session is far beyond its rate.
        """
        if self.newest >= upload.seq > self.seq:
            raise TakenOver
        if upload.seq <= self.seq:
            raise BadMessage("bad_seq", f"sequence number {upload.seq} comes after {self.seq}: each must be greater")
        within_rate = self._take_token(now)
        self.seq = upload.seq
        self._sends = True
        self.last_seen = now
        self.traffic.count_received(upload.echoes)
        self.unanswered[upload.seq] = now + self.settings.expire_s * 1000
        if not within_rate:
            return [
                self._drop(
                    upload, reason=Outcome.RATE, why=f"more than the limit of {self.settings.max_fps:g} a second"
                )
            ]
        if len(upload.jpeg) > (most := self.settings.max_frame_bytes):
            why = f"{len(upload.jpeg)} bytes; a frame has at most {most}"
            return [self._drop(upload, reason=Outcome.TOO_LARGE, why=why)]
        if upload.jpeg[:2] != b"\xff\xd8":
            why = "a frame is a JPEG, and starts with the bytes FF D8"
            return [self._drop(upload, reason=Outcome.UNREADABLE, why=why)]
        if len(self._in_flight) < self.settings.credits:
            return [self._send(upload, model, now)]
        if self._waiting:
            self._superseded.append(replace(self._waiting[0], jpeg=b""))
        self._waiting = upload, model, now
        return self._drop_superseded(now) if len(self._superseded) == MAX_SUPERSEDED else []

    def settle(self, prediction: Prediction, now: float) -> Settled:
        """Take an outcome from the topic.

        When a frame leaves the workers, the waiting one is sent and superseded ones are published, if that is due.
        """
        fresh = [seq for seq in prediction.seqs if seq not in self.settled]
        if not fresh:
            return Settled([], [], 0)
        self.newest = max(self.newest, *fresh)
        for seq in fresh:
            self.settled[seq] = prediction
        while len(self.settled) > REMEMBERED_OUTCOMES:
            self.settled.popitem(last=False)
        if prediction.outcome == Outcome.ANSWERED:
            self.smoothed.update(prediction)
        received = [seq for seq in fresh if self.unanswered.pop(seq, None) is not None]
        if received:
            self.traffic.count_outcome(prediction.outcome, len(received), now)
        seqs = received + [seq for seq in fresh if self.adopted.pop(seq, None) is not None]
        if self._in_flight.isdisjoint(fresh):
            return Settled(seqs, [], len(received))
        self._in_flight.difference_update(fresh)
        return Settled(seqs, [*self._send_waiting(now), *self.flush(now)], len(received))

    def flush(self, now: float) -> list[Frame | Prediction]:
        """The drop of the frames superseded since the last one, if it is due: one message for all of them."""
        every = min(SUPERSEDED_EVERY_MS, self.settings.expire_s * 500)  # before these frames expire
        return self._drop_superseded(now) if self._superseded and now - self._superseded_at >= every else []

    def resume(self, pending: list[int], now: float, sent: int = 0) -> list[tuple[int, Prediction]]:
        """The known outcomes of a returning browser's ``pending`` frames. From now on it waits for the others.

        ``sent`` is the number of the browser's last frame. If that went to another gateway, this one begins ``GAP``
        numbers later: a socket there may still send, until that gateway learns from the topic that the session is
        here. So no number is used twice.
        """
        self.last_seen = now
        self._sends = False
        if sent > self.seq:
            self.seq = sent + GAP
        self.seq = max([self.seq, self.newest, *pending])
        lost_at = now + min(self.settings.freshness_ms + ADOPTED_MS, self.settings.expire_s * 1000)
        for seq in pending:
            if seq not in self.settled and seq not in self.unanswered:
                self.adopted.setdefault(seq, lost_at)
        return [(seq, self.settled[seq]) for seq in pending if seq in self.settled]

    def expire(self, now: float) -> list[Prediction]:
        """Give up the frames whose time is over; again and again, until the topic has their outcome."""
        given_up = []
        for deadlines in (self.unanswered, self.adopted):
            for seq in [seq for seq, deadline in deadlines.items() if deadline <= now]:
                deadlines[seq] = now + self.settings.expire_s * 1000
                given_up.append(seq)
        return [
            Prediction(session=self.id, seq=seq, outcome=Outcome.EXPIRED, stage=Stage.GATEWAY) for seq in given_up
        ]

    def _drop_superseded(self, now: float) -> list[Frame | Prediction]:
        superseded, self._superseded, self._superseded_at = self._superseded, [], now
        return [self._drop(*superseded, reason=Outcome.SUPERSEDED)]

    def _send_waiting(self, now: float) -> list[Frame | Prediction]:
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

    def _take_token(self, now: float) -> bool:
        """Whether the token bucket has a token for one more frame. It refills at the rate and holds one second."""
        rate = self.settings.max_fps
        elapsed = (now - self._refilled_at) / 1000 if self._refilled_at else 1.0
        self._tokens = min(rate, self._tokens + elapsed * rate) - 1
        self._refilled_at = now
        if self._tokens < -FLOOD_AFTER_S * rate:
            raise Flood(rate)
        return self._tokens >= 0

    def _drop(self, *uploads: Upload, reason: Outcome, why: str = "") -> Prediction:
        seq, *also = [each.seq for each in uploads]
        return Prediction(
            session=self.id,
            seq=seq,
            outcome=reason,
            stage=Stage.GATEWAY,
            message=why,
            echoes=[list(echo) for each in uploads for echo in each.echoes],
            also=also,
        )

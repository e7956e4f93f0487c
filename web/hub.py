"""Who is connected, and which answer belongs to whom."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import orjson

from streams.contract.canary import is_canary
from streams.contract.messages import Frame, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from web.metrics import Metrics
from web.protocol import Upload
from web.sessions import Session

log = logging.getLogger(__name__)

WORKER_SILENT_MS = 10_000.0
OUTBOX = 256  # messages; credits keep it far below, so that a socket this far behind no longer reads


class Outbox:
    """What waits to be sent to one socket.

    The newest labels win: of labels that still wait when newer ones come only the likeliest stays, for the account.
    """

    def __init__(self, model: str, session: str = "") -> None:
        self.model = model
        self.session = session
        self.taken_over = False
        self._messages: deque[dict[str, Any]] = deque()
        self._newest: dict[str, Any] | None = None  # the waiting labels that are whole
        self._filled = asyncio.Event()

    def put(self, message: dict[str, Any]) -> None:
        """Queue ``message``, which is the outbox's from now on; a socket that has stopped reading gets no more."""
        if len(self._messages) == OUTBOX:
            told = {"session": self.session, "seq": message.get("seq")}
            log.warning("a socket has not read its last %d messages", OUTBOX, extra=told)
            return
        if message["type"] == "labels":
            if self._newest is not None:
                self._newest["labels"] = self._newest["labels"][:1]
            self._newest = message
        self._messages.append(message)
        self._filled.set()

    async def get(self) -> str:
        """The next message, as text."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        message = self._messages.popleft()
        if message is self._newest:
            self._newest = None
        return orjson.dumps(message).decode()


class Hub:
    """Sessions by id, each with the outbox of its one socket, if it has one.

    Args:
        post: publishes a message to its topic.
        now_ms: milliseconds since 1970.
        metrics: where frames and fates are counted.
    """

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Frame | Prediction], None],
        *,
        now_ms: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self.post = post
        self.now_ms = now_ms
        self.metrics = metrics or Metrics()
        self.outboxes: dict[str, Outbox] = {}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._workers: dict[str, WorkerStatus] = {}

    def join(self, session_id: str, pending: list[int], model: str, **welcome: Any) -> Outbox:
        """Connect a socket to a session and welcome it; a former socket of the same session is told and ends."""
        session = self._session(session_id)
        outbox = Outbox(model, session_id)
        if former := self.outboxes.get(session_id):
            former.taken_over = True
            former.put(error("taken_over", "this session goes on in another tab or window"))
        self.outboxes[session_id] = outbox
        answers = session.resume(pending, self.now_ms())
        hello = {"type": "welcome", "session": session_id, "seq": session.seq, "server": self.now_ms()}
        outbox.put({**hello, **self.served(model), **welcome})
        for seq, each in answers:
            outbox.put(answer(each, seq))
        return outbox

    def knows(self, session_id: str) -> bool:
        """Whether a session is connected, or was so lately."""
        return session_id in self._sessions

    def leave(self, session_id: str, outbox: Outbox) -> None:
        """Disconnect a socket; its session stays for a while, in case the browser comes back."""
        if self.outboxes.get(session_id) is outbox:
            del self.outboxes[session_id]

    def offer(self, session_id: str, upload: Upload, model: str) -> bool:
        """Take a frame from a session's socket; whether the next one would not push a waiting frame out.

        Raises:
            BadMessage: the frame breaks the protocol.
        """
        session = self._session(session_id)
        messages = session.offer(upload, model, self.now_ms())
        if not is_canary(session_id):
            self._count_upload(session, upload)
        log.debug("a frame came", extra={"session": session_id, "seq": upload.seq})
        for message in messages:
            self.post(message)
        return not session.is_full

    def note_offset(self, session_id: str, offset: float | None) -> None:
        """Remember by how many milliseconds the server's clock is ahead of a browser's."""
        self._session(session_id).offset = offset

    def settle(self, prediction: Prediction) -> None:
        """Hand a frame's fate, as read from the topic, to the one browser it belongs to."""
        session = self._session(prediction.session)
        now = self.now_ms()
        news, messages = session.settle(prediction, now)
        if news and not is_canary(session.id):
            self.metrics.count_outcome(prediction, len(news))
        for seq in news:
            log.debug("a frame was %s", prediction.outcome, extra={"session": session.id, "seq": seq})
        for message in messages:
            self.post(message)
        if news and (outbox := self.outboxes.get(prediction.session)):
            outbox.put({**answer(prediction, *news), **steady(session)})

    def note_worker(self, status: WorkerStatus) -> None:
        """Take a worker's sign of life; browsers are told when what is served changes."""
        before = self.models()
        self._workers[status.worker] = status
        self._tell_models(before)

    def workers(self) -> list[WorkerStatus]:
        """What the live workers said last, by name."""
        return sorted(self._workers.values(), key=lambda each: each.worker)

    def sessions(self) -> list[Session]:
        """The sessions that browsers have here, connected or expected back, without the gateways' canaries."""
        return [
            each
            for each in self._sessions.values()
            if (each.traffic.received or each.id in self.outboxes) and not is_canary(each.id)
        ]

    def models(self) -> list[ServedModel]:
        """What the live workers serve, in their order of preference."""
        served = {model.name: model for status in self._workers.values() for model in status.models}
        return list(served.values())

    def model_for(self, name: str) -> ServedModel | None:
        """The served model that answers a session which asked for ``name``; an empty name asks for the first."""
        return next((each for each in self.models() if not name or each.name == name), None)

    def served(self, model: str) -> dict[str, Any]:
        """The served models and the one that answers a session that asked for ``model``, as the browser reads it."""
        models = [
            {"name": each.name, "version": each.version, "input_size": each.input_size} for each in self.models()
        ]
        mine = [each for each in models if each["name"] == model] if model else models
        return {"models": models, "model": mine[0] if mine else None}

    def tick(self) -> None:
        """Expire what was not answered, forget workers that fell silent and sessions that will not come back."""
        now = self.now_ms()
        for session in self._sessions.values():
            for message in [*session.flush(now), *session.expire(now)]:
                self.post(message)
        before = self.models()
        self._workers = {k: each for k, each in self._workers.items() if now - each.at < WORKER_SILENT_MS}
        self._tell_models(before)
        limit = now - self.settings.resume_s * 1000
        gone = [
            each.id
            for each in self._sessions.values()
            if each.last_seen < limit and each.id not in self.outboxes and not each.unanswered
        ]
        for session_id in gone:
            del self._sessions[session_id]

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id, self.settings, last_seen=self.now_ms())
        return session

    def _count_upload(self, session: Session, upload: Upload) -> None:
        self.metrics.received.add(1)
        for seq, round_trip_ms in upload.echoes:
            settled = session.settled.get(seq)
            self.metrics.count_round_trip(round_trip_ms, settled.times if settled else {})

    def _tell_models(self, before: list[ServedModel]) -> None:
        if self.models() != before:
            for outbox in self.outboxes.values():
                outbox.put({"type": "models", **self.served(outbox.model)})


def answer(prediction: Prediction, seq: int, *also: int) -> dict[str, Any]:
    """The fate of frame ``seq``, and of those ``also`` dropped with it, as the browser reads it."""
    if prediction.outcome != Outcome.ANSWERED:
        told: dict[str, Any] = {
            "type": "dropped",
            "seq": seq,
            "reason": prediction.outcome,
            "stage": prediction.stage,
        }
        if prediction.message:
            told["message"] = prediction.message
        if also:
            told["also"] = also
        return told
    return {
        "type": "labels",
        "seq": seq,
        "labels": [each.asdict() for each in prediction.labels],
        "model": prediction.model,
        "version": prediction.version,
        "input_size": prediction.input_size,
        "times": prediction.times,
    }


def steady(session: Session) -> dict[str, Any]:
    """The label that a session has settled on, as the browser reads it."""
    if not session.steady.label:
        return {}
    return {"steady": {"label": session.steady.label, "probability": round(session.steady.probability, 4)}}


def error(code: str, message: str) -> dict[str, Any]:
    """Something that went wrong, as the browser reads it."""
    return {"type": "error", "code": code, "message": message}

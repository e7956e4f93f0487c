"""Which sessions are connected, and which answer goes to which of them."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable

from streams.contract.canary import is_canary
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.messages import Frame, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from web.messages import Dropped, Error, GatewayMessage, Label, Labels, ModelInfo, Models, SmoothedLabel, Welcome
from web.metrics import Metrics
from web.partitions import Partitions
from web.protocol import Upload
from web.sessions import Session, TakenOver

log = logging.getLogger(__name__)

WORKER_SILENT_MS = 10_000.0  # a worker that says nothing for so long is forgotten
REJECTION_LOG_MS = 1000.0  # between two log lines
OUTBOX_SIZE = 256  # messages; credits keep far fewer waiting, so a socket with so many no longer reads


class Outbox:
    """The messages that wait to be sent to one socket.

    Only the newest labels that wait are sent whole. Older ones keep their likeliest label, so that the browser can
    still count them.
    """

    def __init__(self, model: str, session: str = "") -> None:
        self.model = model
        self.session = session
        self.taken_over = False
        self._messages: deque[GatewayMessage] = deque()
        self._newest: Labels | None = None  # the waiting labels that are whole
        self._filled = asyncio.Event()

    def put(self, message: GatewayMessage) -> None:
        """Queue ``message``, which the outbox may change from now on. A full outbox takes no more."""
        if len(self._messages) == OUTBOX_SIZE:
            about = {"session": self.session, "seq": getattr(message, "seq", None)}
            log.warning("a socket has not read its last %d messages", OUTBOX_SIZE, extra=about)
            return
        if isinstance(message, Labels):
            if self._newest is not None:
                del self._newest.labels[1:]
            self._newest = message
        self._messages.append(message)
        self._filled.set()

    async def get(self) -> GatewayMessage:
        """The next message, which waits no longer."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        message = self._messages.popleft()
        if message is self._newest:
            self._newest = None
        return message


class Hub:
    """Sessions by id, each with the outbox of its one socket, if it has one.

    Args:
        post: publishes a message to its topic.
        now_ms: milliseconds since 1970.
        metrics: where frames and their outcomes are counted.
        partitions: learns which sessions are here.
        recall: called with a session that was not here until now, to settle what was read for it before.
    """

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Frame | Prediction], None],
        *,
        now_ms: Callable[[], float],
        metrics: Metrics | None = None,
        partitions: Partitions | None = None,
        recall: Callable[[str], None] = lambda session: None,
    ) -> None:
        self.settings = settings
        self.post = post
        self.now_ms = now_ms
        self.metrics = metrics or Metrics()
        self.partitions = partitions or Partitions(settings.partitions, "")
        self.recall = recall
        self.outboxes: dict[str, Outbox] = {}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._workers: dict[str, WorkerStatus] = {}
        self._rejection_logged = 0.0

    def join(self, session_id: str, pending: list[int], model: str, token: str = "", sent: int = 0) -> Outbox:
        """Connect a socket to a session. Returns the outbox whose messages the socket sends, a welcome first.

        An earlier socket of the same session gets an error and must close. ``pending`` are the frames for which the
        browser has no answer, ``sent`` is the number of its last one. With ``token`` it can come back to this
        session.
        """
        session = self._session(session_id)
        outbox = Outbox(model, session_id)
        self._disconnect(session_id)
        self.outboxes[session_id] = outbox
        answers = session.resume(pending, self.now_ms(), sent)
        served = self._served(model)
        outbox.put(
            Welcome(
                session=session_id,
                seq=session.seq,
                server=self.now_ms(),
                models=served.models,
                model=served.model,
                token=token,
                credits=self.settings.credits,
                max_frame_bytes=self.settings.max_frame_bytes,
                stats=f"stats/{session_id}" if self.settings.statistics == "on" else "",
            )
        )
        for seq, prediction in answers:
            outbox.put(answer(prediction, [seq]))
        return outbox

    def find(self, session_id: str) -> Session | None:
        """The session, if it is connected or was so lately."""
        return self._sessions.get(session_id)

    def leave(self, session_id: str, outbox: Outbox) -> None:
        """Disconnect a socket; its session stays for a while, in case the browser comes back."""
        if self.outboxes.get(session_id) is outbox:
            del self.outboxes[session_id]

    def offer(self, session_id: str, upload: Upload, model: str) -> bool:
        """Take a frame from a session's socket. Returns False if the next frame would push a waiting one out.

        Raises:
            BadMessage: the frame breaks the protocol.
        """
        session = self._session(session_id)
        try:
            messages = session.offer(upload, model, self.now_ms())
        except TakenOver:
            self._disconnect(session_id)
            raise
        self.partitions.count_frame(session.partition)
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
        """Take a frame's outcome from the topic, and hand it to the browser that sent the frame, if that is here."""
        session = self._sessions.get(prediction.session)
        if session is None:
            return
        seqs, messages, received = session.settle(prediction, self.now_ms())
        if received and not is_canary(session.id):
            self.metrics.count_outcome(prediction, received)
        for seq in seqs:
            log.debug("a frame was %s", prediction.outcome, extra={"session": session.id, "seq": seq})
        for message in messages:
            self.post(message)
        if seqs and (outbox := self.outboxes.get(prediction.session)):
            outbox.put(answer(prediction, seqs, smoothed_label(session)))
        if session.is_elsewhere:
            self._disconnect(session.id)

    def note_worker(self, status: WorkerStatus) -> None:
        """Take a worker's status; browsers get a message if this changes what is served."""
        before = self.models()
        self._workers[status.worker] = status
        self._tell_models(before)

    def note_rejected(self, record: RejectedRecord) -> None:
        """Count a record of Kafka that cannot be used, and log it; at most one line a second."""
        self.metrics.rejected.add(1, record.topic)
        now = self.now_ms()
        if now - self._rejection_logged >= REJECTION_LOG_MS:
            self._rejection_logged = now
            log.warning("rejected %s; %d so far", record, self.metrics.rejected.total)

    def workers(self) -> list[WorkerStatus]:
        """The last status of each live worker, by name."""
        return sorted(self._workers.values(), key=lambda each: each.worker)

    def sessions(self) -> list[Session]:
        """The sessions that browsers have here, connected or expected back, without the gateways' canaries."""
        return [
            each
            for each in self._sessions.values()
            if (each.traffic.received or each.id in self.outboxes) and not is_canary(each.id)
        ]

    def models(self) -> list[ServedModel]:
        """What may be asked for, in the workers' order of preference, the main pool's models first.

        A frame comes to any worker of a pool. So a model that they begin to serve counts once each of them does.
        """
        served: dict[str, ServedModel] = {}
        for workers in self._pools().values():
            by_name = [{model.name: model for model in each.models} for each in workers]
            for name in by_name[0]:
                if name not in served and all(name in each for each in by_name):
                    served[name] = by_name[-1][name]
        return list(served.values())

    def pool_of(self, name: str) -> str:
        """The pool of workers that serves a model; an empty name asks for the first model."""
        for pool, workers in self._pools().items():
            if any(not name or model.name == name for each in workers for model in each.models):
                return pool
        return ""

    def model_for(self, name: str) -> ServedModel | None:
        """The served model that answers a session which asked for ``name``; an empty name asks for the first."""
        return next((each for each in self.models() if not name or each.name == name), None)

    def tick(self) -> None:
        """Expire frames without an answer, forget silent workers and sessions that did not come back."""
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
            if each.last_seen < limit and each.id not in self.outboxes and not each.is_waiting
        ]
        for session_id in gone:
            self.partitions.remove_session(self._sessions.pop(session_id).partition)
        self.partitions.tick()

    def _pools(self) -> dict[str, list[WorkerStatus]]:
        """The live workers by pool."""
        pools: dict[str, list[WorkerStatus]] = {}
        for each in sorted(self._workers.values(), key=lambda status: status.pool):
            pools.setdefault(each.pool, []).append(each)
        return pools

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            partition = self.partitions.add_session(session_id)
            session = Session(session_id, self.settings, partition, last_seen=self.now_ms())
            self._sessions[session_id] = session
            self.recall(session_id)
        return session

    def _disconnect(self, session_id: str) -> None:
        """Let the session's socket close, if it has one: another one has the session from now on."""
        if former := self.outboxes.pop(session_id, None):
            former.taken_over = True
            former.put(Error("taken_over", str(TakenOver())))

    def _served(self, name: str) -> Models:
        mine = self.model_for(name)
        return Models([model_info(each) for each in self.models()], model_info(mine) if mine else None)

    def _count_upload(self, session: Session, upload: Upload) -> None:
        self.metrics.received.add(1)
        for seq, round_trip_ms in upload.echoes:
            settled = session.settled.get(seq)
            self.metrics.count_round_trip(round_trip_ms, settled.times if settled else {})

    def _tell_models(self, before: list[ServedModel]) -> None:
        if self.models() != before:
            for outbox in self.outboxes.values():
                outbox.put(self._served(outbox.model))


def answer(prediction: Prediction, seqs: list[int], smoothed: SmoothedLabel | None = None) -> Labels | Dropped:
    """The message with the outcome of the frames ``seqs``; only a drop can be that of more than one."""
    seq, *also = seqs
    if prediction.outcome == Outcome.ANSWERED:
        return Labels(
            seq,
            [Label(each.index, each.label, each.probability) for each in prediction.labels],
            prediction.model,
            prediction.version,
            prediction.input_size,
            prediction.times,
            smoothed,
        )
    return Dropped(seq, prediction.outcome, prediction.stage, prediction.message, also, smoothed)


def smoothed_label(session: Session) -> SmoothedLabel | None:
    """The smoothed label of a session, None before its first answer."""
    smoothed = session.smoothed
    return SmoothedLabel(smoothed.label, round(smoothed.probability, 4)) if smoothed.label else None


def model_info(model: ServedModel) -> ModelInfo:
    """What a browser needs to know of a model."""
    return ModelInfo(model.name, model.version, model.input_size, model.crop, model.unsure_below)

"""The gateway's side of Kafka: it sends frames and drops, and reads every prediction and every worker's status."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.contract.clock import APPENDED, KafkaClock
from streams.contract.kafka import adapt_clients
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.kafka.topics.check import TopicCheck
from streams.contract.logs import about
from streams.contract.messages import Frame, Prediction, WorkerStatus
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, REJECTED, WORKERS, Role, frames_topic

log = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
RETRY_S = 0.5
STOP_S = 1.0  # for what still waits to be sent when the gateway stops; without Kafka it would wait for 40 s
NOTE_EVERY_S = 10.0
MAX_WAITING = 1024  # while more messages than this wait to be sent, rejected records are only counted
PAUSE_S = 0.004  # between two requests: messages that come meanwhile share the next one, which halves the requests


class Broker:
    """Sends messages without making the caller wait, and calls back with each message that it reads.

    Predictions are read without a consumer group, from ``resume_s`` before now. So a gateway that restarts still gets
    the outcomes of frames that came before the restart.

    Frames go to the topic of the pool of workers that serves their model, which ``pool_of`` names.

    A record that cannot be used is passed to ``on_rejected``. Those of the workers' topic, which only gateways read,
    are set aside here, those of the predictions' topic by the workers.
    """

    def __init__(
        self,
        settings: Settings,
        on_prediction: Callable[[Prediction], None],
        on_worker: Callable[[WorkerStatus], None],
        *,
        now_ms: Callable[[], float],
        on_rejected: Callable[[RejectedRecord], None] = lambda _: None,
        pool_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.pool_of = pool_of
        self.settings = settings
        self.on_prediction = on_prediction
        self.on_worker = on_worker
        self.now_ms = now_ms
        self.on_rejected = on_rejected
        self.topics = TopicCheck(settings, Role.GATEWAY)
        self._outgoing: asyncio.Queue[Frame | Prediction | RejectedRecord] = asyncio.Queue()
        self._setting_aside: set[asyncio.Task[None]] = set()
        self.clock = KafkaClock()
        self._live_from = 0  # the first offset of the workers' topic that is not history
        self._noted_at = -NOTE_EVERY_S
        self._lost = 0  # messages that Kafka did not take since it last took one

    def post(self, message: Frame | Prediction) -> None:
        """Queue a message for its topic. The sessions' credits limit how many wait while Kafka is away."""
        self._outgoing.put_nowait(message)

    async def run(self) -> None:
        """Send and read until cancelled, once the topics can be used; reconnect whenever Kafka is back."""
        adapt_clients()
        await self.topics.until_usable(give_up=False)
        await self.exchange()

    async def exchange(self) -> None:
        """Send and read until cancelled, with topics that can be used."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._retry(self._send))
            tasks.create_task(self._retry(self._read))

    async def _retry(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await step()
            except (KafkaError, OSError) as error:
                where = ",".join(self.settings.broker)
                log.warning("Kafka at %s: %s; trying again", where, error or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _send(self) -> None:
        producer = AIOKafkaProducer(
            **connection_options(self.settings),
            acks=1,
            max_batch_size=BATCH_BYTES,
            max_request_size=self.settings.max_message_bytes,
        )
        try:
            await producer.start()
            while True:
                message = await self._outgoing.get()  # the first message after a quiet time is sent at once
                await self._produce(producer, message)
                while not self._outgoing.empty():
                    await self._produce(producer, self._outgoing.get_nowait())
                await asyncio.sleep(PAUSE_S)
        finally:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await producer.stop()

    async def _produce(self, producer: AIOKafkaProducer, message: Frame | Prediction | RejectedRecord) -> None:
        if isinstance(message, Frame):
            message.ahead = self.clock.ahead_ms
        if isinstance(message, RejectedRecord):  # no frame waits for it: its topic may be missing
            if len(self._setting_aside) < MAX_WAITING:
                task = asyncio.create_task(self._produce_rejected(producer, message))
                self._setting_aside.add(task)
                task.add_done_callback(self._setting_aside.discard)
            return
        topic = frames_topic(self.pool_of(message.model)) if isinstance(message, Frame) else PREDICTIONS
        sent = await producer.send(topic, message.dumps(), key=message.session.encode())
        sent.add_done_callback(partial(self._note, message))

    def _note(self, message: Frame | Prediction, sent: "asyncio.Future[Any]") -> None:
        """Log when Kafka begins to take no messages, and when it takes them again; the hub gives lost frames up."""
        if sent.cancelled():
            return
        if error := sent.exception():
            if not self._lost:
                log.warning("Kafka does not take messages: %s", error, extra=about(message))
            self._lost += 1
        elif self._lost:
            log.warning("Kafka takes messages again; lost: %d", self._lost)
            self._lost = 0

    async def _produce_rejected(self, producer: AIOKafkaProducer, record: RejectedRecord) -> None:
        try:
            body = record.body(self.settings.max_message_bytes)
            await producer.send_and_wait(REJECTED, body, headers=record.headers())
        except Exception as error:
            self._note_not_set_aside(record, error)

    def _note_not_set_aside(self, record: RejectedRecord, error: Exception) -> None:
        now = time.monotonic()
        if now - self._noted_at >= NOTE_EVERY_S:
            log.warning("a record of %s could not be set aside: %r", record.topic, error)
            self._noted_at = now

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            PREDICTIONS,
            WORKERS,
            **connection_options(self.settings),
            group_id=None,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            await self._rewind(consumer)
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        self.take(record)
        finally:
            await consumer.stop()

    async def _rewind(self, consumer: AIOKafkaConsumer) -> None:
        since = int(self.now_ms() - self.settings.resume_s * 1000)
        partitions = consumer.assignment()
        offsets = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
        self._live_from = (await consumer.end_offsets([TopicPartition(WORKERS, 0)]))[TopicPartition(WORKERS, 0)]
        for partition in partitions:
            if found := offsets.get(partition):
                consumer.seek(partition, found.offset)
            else:
                await consumer.seek_to_end(partition)

    def take(self, record: ConsumerRecord) -> None:
        """Pass a record on; whatever it is, nothing is raised."""
        try:
            if record.value is None:
                raise ValueError("there is no value")
            if record.topic == PREDICTIONS:
                self.on_prediction(Prediction.loads(record.value))
            else:
                self.on_worker(self._status(record))
        except Exception as error:  # it concerns this record only
            why = str(error) if isinstance(error, ValueError) else repr(error)
            rejected = RejectedRecord(record.topic, record.partition, record.offset, why, record.value)
            self.on_rejected(rejected)
            if record.topic == WORKERS:
                self._set_aside(rejected)

    def _status(self, record: ConsumerRecord) -> WorkerStatus:
        """A worker's status, with the time of the gateway's clock at which Kafka got it."""
        status = WorkerStatus.loads(record.value)
        if record.timestamp_type == APPENDED:
            if record.offset >= self._live_from:
                self.clock.note(record.timestamp, self.now_ms())
            status.at = record.timestamp + (self.clock.ahead_ms or 0.0)
        return status

    def _set_aside(self, record: RejectedRecord) -> None:
        if self._outgoing.qsize() < MAX_WAITING:
            self._outgoing.put_nowait(record)

"""Sends the gateway's messages to Kafka: frames, outcomes, and records that are set aside."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.contract.clock import KafkaClock
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.logs import about
from streams.contract.messages import Frame, Prediction
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, REJECTED, frames_topic

log = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
STOP_S = 1.0  # for what still waits to be sent when the gateway stops; without Kafka it would wait for 40 s
NOTE_EVERY_S = 10.0
MAX_WAITING = 1024  # while more messages than this wait to be sent, rejected records are only counted
PAUSE_S = 0.004  # between two requests: messages that come meanwhile share the next one, which halves the requests


class Sender:
    """Sends messages without making the caller wait.

    Kafka has a message once, also if it is sent again because a broker died before it could say that it has it. A
    message that Kafka does not take is lost. That loses no frame's fate: the gateway gives up each frame whose
    outcome it has not read from Kafka, again and again until it reads one.

    Frames go to the topic of the pool of workers that serves their model, which ``pool_of`` names. With each goes how
    far the ``clock`` is ahead of Kafka's.
    """

    def __init__(self, settings: Settings, pool_of: Callable[[str], str], clock: KafkaClock) -> None:
        self.pool_of = pool_of
        self.clock = clock
        self.settings = settings
        self._outgoing: asyncio.Queue[Frame | Prediction | RejectedRecord] = asyncio.Queue()
        self._setting_aside: set[asyncio.Task[None]] = set()
        self._noted_at = -NOTE_EVERY_S
        self._lost = 0  # messages that Kafka did not take since it last took one
        self._gap = False  # a message is lost: the numbers that the producer gives the next ones do not fit any more

    def post(self, message: Frame | Prediction) -> None:
        """Queue a message for its topic. The sessions' credits limit how many wait while Kafka is away."""
        self._outgoing.put_nowait(message)

    def set_aside(self, record: RejectedRecord) -> None:
        """Queue a record that cannot be used, unless too much waits already."""
        if self._outgoing.qsize() < MAX_WAITING:
            self._outgoing.put_nowait(record)

    async def send(self) -> None:
        """Send until a message is lost: then another producer must go on.

        Raises:
            KafkaError: there is no connection, or it cannot be used any more.
        """
        producer = AIOKafkaProducer(
            **connection_options(self.settings),
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=self.settings.max_message_bytes,
        )
        try:
            await producer.start()
            self._gap = False
            while not self._gap:
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
            self._gap = True
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

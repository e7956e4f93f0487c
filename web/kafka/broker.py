"""The gateway's side of Kafka: frames and drops go out, outcomes of its sessions and the workers' status come in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.contract.clock import APPENDED, KafkaClock
from streams.contract.codec import bad_envelope
from streams.contract.kafka import adapt_clients
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.kafka.topics.check import TopicCheck
from streams.contract.messages import Frame, Prediction, WorkerStatus
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, WORKERS, Role
from web.kafka.gateway_group import GatewayGroup
from web.kafka.other_sessions import OtherSessions
from web.kafka.partition_reader import RETRY_S, PartitionReader
from web.kafka.sender import Sender
from web.partitions import Partitions

log = logging.getLogger(__name__)


class Broker:
    """Sends messages without making the caller wait, and calls back with each message that concerns this gateway.

    Of the predictions it reads the partitions that its sessions need, each from ``resume_s`` before. So a session
    that comes from another gateway, or from this one before a restart, gets the outcomes of its frames under way.

    A record that cannot be used is passed to ``on_rejected``. Those of the workers' topic, which only gateways read,
    are set aside here, those of the predictions' topic by the workers.

    Args:
        partitions: those that are needed.
        is_here: whether a session is at this gateway.
        pool_of: the pool of workers that serves a model.
        note_read: called with a topic and the number of bytes that were read from it.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: Partitions,
        on_prediction: Callable[[Prediction], None],
        on_worker: Callable[[WorkerStatus], None],
        *,
        is_here: Callable[[str], bool],
        now_ms: Callable[[], float],
        on_rejected: Callable[[RejectedRecord], None] = lambda _: None,
        note_read: Callable[[str, int], None] = lambda topic, size: None,
        pool_of: Callable[[str], str] = lambda model: "",
    ) -> None:
        self.settings = settings
        self.partitions = partitions
        self.on_prediction = on_prediction
        self.on_worker = on_worker
        self.is_here = is_here
        self.now_ms = now_ms
        self.on_rejected = on_rejected
        self.others = OtherSessions(settings.resume_s * 1000)
        self.topics = TopicCheck(settings, Role.GATEWAY)
        self.clock = KafkaClock()
        self._sender = Sender(settings, pool_of, self.clock)
        self._group = GatewayGroup(settings, partitions.set_own)
        self._reader = PartitionReader(
            settings,
            self.take,
            since_ms=lambda: now_ms() - settings.resume_s * 1000,
            note_read=note_read,
            auto_offset_reset="latest",
        )

    @property
    def read_at(self) -> float | None:
        """When Kafka last said what is new, in milliseconds since 1970; None for never."""
        return self._reader.read_at

    def post(self, message: Frame | Prediction) -> None:
        """Queue a message for its topic."""
        self._sender.post(message)

    def recall(self, session: str) -> None:
        """Take again what was read for a session before it came here."""
        for record in self.others.take(session.encode()):
            self.take(record)

    async def run(self) -> None:
        """Send and read until cancelled, once the topics can be used; reconnect whenever Kafka is back."""
        adapt_clients()
        await self.topics.until_usable(give_up=False)
        await self.exchange()

    async def exchange(self) -> None:
        """Send and read until cancelled, with topics that can be used."""
        self.partitions.on_change = self._follow
        self._follow()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._retry(self._sender.send))
            tasks.create_task(self._retry(self._group.join))
            tasks.create_task(self._reader.run())

    async def _retry(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except (KafkaError, OSError) as error:
                where = ",".join(self.settings.broker)
                log.warning("Kafka at %s: %s; trying again", where, error or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    def _follow(self) -> None:
        predictions = [TopicPartition(PREDICTIONS, each) for each in self.partitions.needed]
        self._reader.want([TopicPartition(WORKERS, 0), *predictions])

    def take(self, record: ConsumerRecord) -> None:
        """Pass a record on, or keep it if its session is not here; whatever it is, nothing is raised."""
        try:
            if record.value is None:
                raise ValueError("there is no value")
            if record.topic == WORKERS:
                self.on_worker(self._status(record))
            elif record.key is None or self.is_here(record.key.decode()):
                self.on_prediction(Prediction.loads(record.value))
            elif why := bad_envelope(record.value):
                raise ValueError(why)
            else:
                self.others.keep(record, self.now_ms())
        except Exception as error:  # it concerns this record only
            why = str(error) if isinstance(error, ValueError) else repr(error)
            rejected = RejectedRecord(record.topic, record.partition, record.offset, why, record.value)
            self.on_rejected(rejected)
            if record.topic == WORKERS:
                self._sender.set_aside(rejected)

    def _status(self, record: ConsumerRecord) -> WorkerStatus:
        """A worker's status, with the time of the gateway's clock at which Kafka got it."""
        status = WorkerStatus.loads(record.value)
        if record.timestamp_type == APPENDED:
            if self._reader.is_complete(TopicPartition(record.topic, record.partition)):  # it came just now
                self.clock.note(record.timestamp, self.now_ms())
            status.at = record.timestamp + (self.clock.ahead_ms or 0.0)
        return status

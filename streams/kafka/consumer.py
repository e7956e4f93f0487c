"""Faust's Kafka consumer, on the worker's own event loop and without lost messages when partitions move.

Faust runs its consumer in a thread with an event loop of its own, because agents may block theirs. This worker's
agents never block: decoders and engine have their own threads. The change of threads costs as much as all the rest of
a message's way. Without it the batcher has a lone frame half a millisecond earlier, and the worker answers up to 5 %
more frames.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka
from faust.transport.producer import ProducerBuffer
from faust.types import TP, FutureMessage
from mode.services import Service, WaitResults
from mode.threads import ServiceThread
from mode.utils.futures import maybe_async, maybe_set_exception

from streams.contract.kafka import adapt_clients
from streams.contract.kafka.denials import DENIALS, RETRY_S
from streams.contract.kafka.options import connection_options
from streams.contract.settings import Settings

LOOK_S = 1.0

POSITION_S = 1.0


class LoopWorker:
    """Runs a service that expects a thread as a task of the given event loop."""

    def __init__(self, service: ServiceThread) -> None:
        self._service = service

    def start(self) -> None:
        """Start the task; returns at once."""
        self._task = self._service.thread_loop.create_task(self._service._serve())

    def stop(self) -> None:
        """Do nothing: the service has stopped already."""


def credentials(settings: Settings) -> Credentials | None:
    """How Faust's clients prove who they are; None where Kafka does not ask.

    Raises:
        BadSetting: a certificate or a key cannot be read.
    """
    options = connection_options(settings)
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_password,
            ssl_context=context,
            mechanism=settings.kafka_sasl,
        )
    return SSLCredentials(context) if context else None


class LoopConsumer(aiokafka.AIOKafkaConsumerThread):
    """Faust's consumer thread, without the thread."""

    Worker = LoopWorker  # type: ignore[assignment]

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call ``fun`` on this loop."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """Cancel no tasks: those of this loop belong to the whole worker."""

    async def on_thread_stop(self) -> None:
        """Stop the consumer and leave the group, so that other workers get its partitions at once.

        aiokafka does not leave the group if the worker has a fixed name: its partitions would wait until the session
        times out.
        """
        if self._consumer and self._consumer._coordinator:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()

    def check_group(self) -> None:
        """Raise what stops this worker from joining its group."""
        if self._consumer and self._consumer._coordinator:
            self._consumer._coordinator.check_errors()

    async def _fetch_records(self, *args: Any, **options: Any) -> Any:
        """Fetch records; while Kafka does not let this worker read, none. Faust would end the worker."""
        try:
            return await super()._fetch_records(*args, **options)
        except KafkaError as error:
            if not DENIALS.note(error):
                raise
            await asyncio.sleep(RETRY_S)
            return {}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit offsets, except of partitions that moved while Kafka was waited for.

        Faust would end the worker where none is left, and where Kafka does not let it commit.
        """
        owned = {
            TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in offsets.items() if tp in self.assignment()
        }
        self.is_committing = True
        try:
            if owned:
                await self._ensure_consumer().commit(owned)
        except KafkaError as error:
            return not DENIALS.note(error) and await super()._commit(offsets)
        finally:
            self.is_committing = False
        return bool(owned)

    is_committing = False  # and waits for Kafka


class Consumer(aiokafka.Consumer):
    """The consumer that this module is about."""

    def _new_consumer_thread(self) -> LoopConsumer:
        return LoopConsumer(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _note_denials(self) -> None:
        """Ask aiokafka what stops it from joining the group: it waits until it was asked, and then tries again."""
        while not self.should_stop:
            await self.sleep(LOOK_S)
            try:
                assert isinstance(self._thread, LoopConsumer)
                self._thread.check_group()
            except KafkaError as error:
                DENIALS.note(error)

    @property
    def is_committing(self) -> bool:
        """Whether offsets are on their way to Kafka."""
        return isinstance(self._thread, LoopConsumer) and self._thread.is_committing

    async def position_now(self, tp: TP) -> int | None:
        """The offset of the next record that a partition delivers; None while there is no such offset."""
        try:
            async with asyncio.timeout(POSITION_S):
                return await self.position(tp)
        except (TimeoutError, IllegalStateError):
            return None

    def first_unacknowledged(self, tp: TP) -> int | None:
        """The least offset of a partition that was delivered and is not acknowledged; None if there is none."""
        return min((each.offset for each in self.unacked if each.tp == tp and not each.acked), default=None)

    def to_be_committed(self, tp: TP) -> int | None:
        """The last committed offset of a partition of which more is acknowledged; None if all is committed."""
        return (self._committed_offset[tp] or 0) if self._acked.get(tp) else None

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Check nothing: ``streams.liveness`` finds a partition that stands still.

        Faust's check ends the worker if a partition has no position, as after a rebalance, and takes the changelog,
        which nobody reads after a restore, for a stream that stands still.
        """

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, and deliver no message meanwhile.

        Faust empties the agents' buffers after the seek. Messages delivered during the seek would be lost, and later
        acknowledged all the same.
        """
        self.stop_flow()
        await super().perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets; in partitions that have none, to the beginning.

        Faust would keep its position there. Messages that it had fetched but not delivered would be lost.
        """
        offsets = await super().seek_to_committed()
        uncommitted = [tp for tp, offset in offsets.items() if not offset and not self._is_changelog_tp(tp)]
        if uncommitted:
            await self._thread.seek_to_beginning(*uncommitted)
        return offsets

    async def wait_first(self, *waits: Any, **options: Any) -> WaitResults:
        """Deliver a message directly where nothing can hold it up.

        Faust starts a task for each delivery, beside tasks that wait for reasons to stop it. That is needed only when
        an agent's buffer is full, or while partitions move.
        """
        delivery, *reasons = waits
        if not inspect.iscoroutine(delivery) or not self._can_deliver():
            return await super().wait_first(*waits, **options)
        for each in reasons:
            each.close()
        return WaitResults([delivery], [await delivery], False)

    def _can_deliver(self) -> bool:
        flow = self.app.flow_control
        return flow.is_active() and not any(buffer.full() for buffer in flow._queues)


class Buffer(ProducerBuffer):
    """Faust's buffer of messages to send, which one that cannot be sent does not stop, nor the worker."""

    async def _send_pending(self, fut: FutureMessage) -> None:
        try:
            await super()._send_pending(fut)
        except ProducerSendError as error:
            maybe_set_exception(fut, error)


class Producer(aiokafka.Producer):
    """Faust's producer with this buffer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = Buffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app


class Transport(aiokafka.Transport):
    """Faust's transport for Kafka, with this consumer and this producer."""

    Consumer = Consumer
    Producer = Producer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        adapt_clients()
        super().__init__(*args, **kwargs)

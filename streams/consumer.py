"""Faust's Kafka consumer on the worker's own event loop, which loses nothing when partitions move.

Faust gives its consumer a thread with a loop of its own, for agents that block theirs. Nothing blocks this worker's
loop (decoders and engine have threads of their own), and on the way of a message the change of threads costs as much
as all the rest: without it a lone frame is with the batcher half a millisecond sooner, and the worker answers up to a
twentieth more of them.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from faust.transport.drivers import aiokafka
from faust.types import TP
from mode.services import WaitResults
from mode.threads import ServiceThread
from mode.utils.futures import maybe_async


class LoopWorker:
    """What runs a service that expects a thread: a task of the loop that the service was given."""

    def __init__(self, service: ServiceThread) -> None:
        self._service = service

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = self._service.thread_loop.create_task(self._service._serve())

    def stop(self) -> None:
        """Nothing is left to do: the service has stopped before."""


class LoopConsumer(aiokafka.AIOKafkaConsumerThread):
    """A consumer thread that is none."""

    Worker = LoopWorker  # type: ignore[assignment]

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call ``fun`` right here."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """End no other task: on this loop they are everybody's."""


class Consumer(aiokafka.Consumer):
    """See the module."""

    def _new_consumer_thread(self) -> LoopConsumer:
        return LoopConsumer(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go back to what is committed, and deliver nothing on the way.

        When Faust goes on after this it empties the agents' buffers. What came into them while the seek was under way
        would be lost, and in the end acknowledged, too.
        """
        self.stop_flow()
        await super().perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go back to what is committed; where nothing is yet, to the beginning.

        Faust would stay where it is there: what it had fetched and not delivered would be lost.
        """
        offsets = await super().seek_to_committed()
        anew = [tp for tp, offset in offsets.items() if not offset and not self._is_changelog_tp(tp)]
        if anew:
            await self._thread.seek_to_beginning(*anew)
        return offsets

    async def wait_first(self, *waits: Any, **options: Any) -> WaitResults:
        """Faust delivers each message in a task, beside tasks that wait for reasons to give up.

        Here it does so only where a delivery may be held up: by a full buffer, or while partitions move.
        """
        delivery, *reasons = waits
        if not inspect.iscoroutine(delivery) or not self._delivers_at_once():
            return await super().wait_first(*waits, **options)
        for each in reasons:
            each.close()
        return WaitResults([delivery], [await delivery], False)

    def _delivers_at_once(self) -> bool:
        flow = self.app.flow_control
        return flow.is_active() and not any(buffer.full() for buffer in flow._queues)


class Transport(aiokafka.Transport):
    """Faust's way to Kafka, with this consumer."""

    Consumer = Consumer

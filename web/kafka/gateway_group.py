"""How gateways that do not know each other share out the partitions: they are a consumer group of Kafka."""

from collections.abc import Callable, Iterable, Set

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from streams.contract.kafka.options import connection_options
from streams.contract.settings import Settings
from streams.contract.topics import GATEWAYS, PREDICTIONS

SESSION_TIMEOUT_MS = 10_000  # after this time the share of a gateway that is killed goes to the others
HEARTBEAT_MS = 3_000
POLL_MS = 1000


class GatewayGroup(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """This gateway's membership. It reads nothing: Kafka only says which partitions are its share.

    Args:
        on_share: called with the numbers of the partitions whenever they change; none if there are more gateways
            than partitions.
    """

    def __init__(self, settings: Settings, on_share: Callable[[Set[int]], None]) -> None:
        self.settings = settings
        self.on_share = on_share
        self._consumer: AIOKafkaConsumer | None = None

    async def join(self) -> None:
        """Be a member until cancelled.

        Raises:
            KafkaError: the group cannot be joined.
        """
        self._consumer = consumer = AIOKafkaConsumer(
            **connection_options(self.settings),
            group_id=GATEWAYS,
            enable_auto_commit=False,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )
        consumer.subscribe([PREDICTIONS], listener=self)
        try:
            await consumer.start()
            while True:
                await consumer.getmany(timeout_ms=POLL_MS)  # raises what the group's task has met
        finally:
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The old share counts until the new one is known."""

    async def on_partitions_assigned(self, assigned: Set[TopicPartition]) -> None:
        """There is a new share."""
        if self._consumer and assigned:
            self._consumer.pause(*assigned)
        self.on_share({each.partition for each in assigned})

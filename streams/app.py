"""The Faust app: its settings, its typed topics and its table. All of them outlive any record of any producer."""

import asyncio
import os
import socket
from typing import Any

import faust
from faust.app.base import BootStrategy as AppBootStrategy

from streams.batching import Batcher
from streams.contract import codec
from streams.contract.clock import KafkaClock
from streams.contract.kafka.denials import DENIALS
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.logs import configuration
from streams.contract.messages import Agreement, Frame, Prediction, WorkerStatus
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, REJECTED, SESSIONS, WORKERS, frames_topic, group_of
from streams.kafka.consumer import Transport, credentials
from streams.kafka.rejected import SetAside
from streams.kafka.tables import ChangelogTable, TableManager
from streams.metrics import Metrics
from streams.registry_watcher import RegistryWatcher

settings = Settings.from_environ()

DENIALS.introduce("worker", settings.kafka_user)

WORKER = settings.worker_name or f"{socket.gethostname()}-{os.getpid()}"


metrics = Metrics()


class Topic(faust.Topic):
    """A topic whose messages that cannot be decoded are set aside, without disturbing the agent.

    Faust would throw the error into the agent that reads the topic, and so restart it.
    """

    async def on_key_decode_error(self, exc: Exception, message: Any) -> None:
        reject(message, f"the key cannot be read: {exc}")

    async def on_value_decode_error(self, exc: Exception, message: Any) -> None:
        reject(message, "there is no value" if message.value is None else str(exc))

    def _on_published(self, fut: asyncio.Future[Any], message: Any, producer: Any, state: Any) -> None:
        """Pass on whether a message was sent. Faust would log each one that Kafka does not let this worker send."""
        if fut.cancelled() or not (error := fut.exception()) or not DENIALS.note(error):
            super()._on_published(fut, message, producer, state)
            return
        message.set_exception(error)
        message.exception()  # otherwise it would be logged as one that nobody has seen
        self.app.sensors.on_send_error(producer, error, state)


def reject(message: Any, why: str) -> None:
    """Set a message of Faust aside; raises nothing."""
    set_aside.add(RejectedRecord(message.topic, message.partition, message.offset, why, message.value))


class Table(ChangelogTable):
    """A table whose changelog has records set aside that are no entries."""

    def reject(self, message: Any, why: str) -> None:
        """Set a record of the changelog aside."""
        reject(message, why)


class Boot(AppBootStrategy):
    """Starts everything except Faust's web server.

    Faust's command line turns that server on, and it shows the tables to anyone who can reach it.
    """

    enable_web = False


class App(faust.App):
    """Faust's app, with the batcher of this worker, what its pool serves, and the watcher that keeps to that."""

    BootStrategy = Boot
    batcher: Batcher
    agreed: Agreement
    kafka_clock = KafkaClock()
    announced_at = 0.0  # the last time that Kafka took this worker's status, in seconds of the monotonic clock
    registry_watcher: RegistryWatcher

    def connection_options(self) -> dict[str, Any]:
        """How a client of its own connects to Kafka."""
        return connection_options(settings)

    def _create_directories(self) -> None:
        """Faust's folders are for tables on disk, and ours is in memory: a worker needs no folder of its own."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


app = App(
    group_of(settings.pool),
    broker=[f"aiokafka://{address}" for address in settings.broker],
    broker_credentials=credentials(settings),
    Topic=Topic,
    Table=Table,
    TableManager=TableManager,
    store="memory://",
    key_serializer="raw",
    topic_partitions=settings.partitions,
    topic_replication_factor=settings.replication,
    topic_allow_declare=False,  # the topics exist already, with the right number of partitions
    topic_disable_leader=True,
    # the very first worker begins at the oldest frame: frames that are too old are dropped as stale
    consumer_auto_offset_reset="earliest",
    stream_buffer_maxsize=256,
    stream_wait_empty=False,
    consumer_group_instance_id=settings.worker_name or None,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=0.5,  # all workers wait for the one that hears of a rebalance last
    broker_commit_interval=1.0,
    broker_max_poll_records=256,
    producer_max_request_size=settings.max_message_bytes,
    consumer_max_fetch_size=settings.max_message_bytes,
    producer_linger=0.0,
    table_standby_replicas=0,
    logging_config=configuration(settings) if settings.log == "json" else None,  # Faust's text format has more in it
)

frames = app.topic(frames_topic(settings.pool), key_type=str, value_type=Frame, value_serializer=codec.NAME)
predictions = app.topic(PREDICTIONS, key_type=str, value_type=Prediction, value_serializer=codec.NAME)
rejected = app.topic(REJECTED, value_type=bytes, value_serializer="raw")
workers = app.topic(WORKERS, key_type=str, value_type=WorkerStatus, value_serializer=codec.NAME)

# The table's changelog is the published statistics: a compacted topic that the gateways read. An entry stays in
# bytes, as `SessionStats.dumps` wrote it: after a rebalance a worker unpacks only sessions that still send frames.
sessions = app.Table(
    "sessions",
    key_type=str,
    value_type=bytes,
    partitions=settings.partitions,
    changelog_topic=app.topic(
        SESSIONS, key_type=bytes, value_type=bytes, value_serializer="raw", internal=True, compacting=True
    ),
)
# Faust writes the keys of a table as JSON, whatever its topic says. All other topics have the plain session id.
sessions.key_serializer = "raw"  # type: ignore[attr-defined]


async def send_rejected(record: RejectedRecord) -> None:
    """Send a record to the topic of rejected ones."""
    body = record.body(settings.max_message_bytes)
    sent = await rejected.send(value=body, headers=record.headers(), force=True)  # not as part of the event at hand
    await sent


set_aside = SetAside(send_rejected, lambda topic: metrics.rejected.add(1, topic))

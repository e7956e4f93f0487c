"""The Faust app: its settings, its typed topics, its table."""

import logging
import os
import socket
from typing import Any

import faust
from faust.app.base import BootStrategy as AppBootStrategy

from streams.batching import Batcher
from streams.consumer import Transport
from streams.contract import codec
from streams.contract.logs import configuration
from streams.contract.messages import Frame, Prediction, WorkerStatus
from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS
from streams.registry_watcher import RegistryWatcher

log = logging.getLogger(__name__)

settings = Settings.from_environ()

WORKER = settings.worker_name or f"{socket.gethostname()}-{os.getpid()}"


class Topic(faust.Topic):
    """A topic on which a message that cannot be decoded goes to the rejected topic, and the agent lives on.

    Faust's own answer is to throw the error into the agent that reads the topic, which restarts it.
    """

    async def on_key_decode_error(self, exc: Exception, message: Any) -> None:
        await self._reject(exc, message)

    async def on_value_decode_error(self, exc: Exception, message: Any) -> None:
        await self._reject(exc, message)

    async def _reject(self, exc: Exception, message: Any) -> None:
        log.warning("rejected %s[%s]@%s: %s", message.topic, message.partition, message.offset, exc)
        await rejected.send(value=message.value, headers={"topic": message.topic.encode(), "why": str(exc).encode()})


class Boot(AppBootStrategy):
    """Starts everything but Faust's web server, which the command line turns on, and which shows tables to anyone."""

    enable_web = False


class App(faust.App):
    """Faust's app, the batcher of this worker's models, and what keeps those up to date."""

    BootStrategy = Boot
    batcher: Batcher
    follower: RegistryWatcher

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


app = App(
    "sightstream",
    broker=[f"aiokafka://{address}" for address in settings.broker],
    Topic=Topic,
    store="memory://",
    key_serializer="raw",
    topic_partitions=settings.partitions,
    topic_replication_factor=settings.replication,
    topic_allow_declare=False,  # whoever runs the stack creates the topics, all with as many partitions
    topic_disable_leader=True,
    # the first worker ever starts at the beginning: what waits there is stale, and is answered so
    consumer_auto_offset_reset="earliest",
    stream_buffer_maxsize=256,
    stream_wait_empty=False,
    consumer_group_instance_id=settings.worker_name or None,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
    broker_commit_interval=1.0,
    broker_max_poll_records=256,
    producer_max_request_size=4 * settings.max_frame_bytes,
    consumer_max_fetch_size=4 * settings.max_frame_bytes,
    producer_linger=0.0,
    table_standby_replicas=0,
    logging_config=configuration(settings) if settings.log == "json" else None,  # Faust's own text says more
)

frames = app.topic(FRAMES, key_type=str, value_type=Frame, value_serializer=codec.NAME)
predictions = app.topic(PREDICTIONS, key_type=str, value_type=Prediction, value_serializer=codec.NAME)
rejected = app.topic(REJECTED, value_type=bytes, value_serializer="raw")
workers = app.topic(WORKERS, key_type=str, value_type=WorkerStatus, value_serializer=codec.NAME)

# The table's changelog is the published statistics: compacted, and read by whoever shows them. An entry is kept as
# it is written, a `SessionStats` in bytes: a worker that takes partitions over reads those that go on, and no others.
sessions = app.Table(
    "sessions",
    key_type=str,
    value_type=bytes,
    partitions=settings.partitions,
    changelog_topic=app.topic(
        SESSIONS, key_type=str, value_type=bytes, value_serializer="raw", internal=True, compacting=True
    ),
)
# Faust writes a table's keys as JSON whatever its topic says; everywhere else a session's key is its bare id.
sessions.key_serializer = "raw"  # type: ignore[attr-defined]

"""The agent that classifies frames, and the tasks that run beside it for as long as the worker lives."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Hashable
from contextlib import aclosing
from typing import Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams import startup
from streams.agreed_models import agreed_model, specs_of, with_change
from streams.app import WORKER, app, frames, metrics, predictions, reject, settings, workers
from streams.batching import Batcher
from streams.contract.clock import APPENDED, now_ms, skew_ms
from streams.contract.kafka import agreement
from streams.contract.logs import about, configure
from streams.contract.messages import Prediction, ServedModel
from streams.contract.outcomes import Outcome
from streams.contract.topics import SESSIONS
from streams.health.ending import STALLED, end
from streams.health.liveness import LOOK_EVERY_S, Liveness, watch
from streams.health.probes import serve
from streams.kafka.consumer import Consumer
from streams.kafka.tables import TableManager
from streams.kafka.work import EndOffsets, work_of
from streams.metrics import lag

log = logging.getLogger(__name__)

ANNOUNCE_EVERY_S = 2.0
SILENT_S = 10.0  # if Kafka took no status for so long, it is away

liveness = Liveness()


@app.on_worker_init.connect
def prepare(*_: Any, **__: Any) -> None:
    """Load the models before the worker asks for partitions, so that no frame waits for a network to load.

    Faust sends this signal twice. A model that cannot be loaded ends the process with one line.
    """
    if hasattr(app, "batcher"):
        return
    serve(metrics, liveness, settings.metrics_host, settings.metrics_port)
    configure(settings)  # Faust does that later
    for number in (signal.SIGTERM, signal.SIGINT):  # until Faust takes them over
        signal.signal(number, lambda *_: end(0))
    try:
        load_models()
    except Exception as error:
        if type(error).__module__.startswith(
            ("models.", "streams.")
        ):  # its message says what is wrong and what to do
            sys.exit(f"Error: {error}")
        raise


def load_models() -> None:
    """Give the app its batcher and its watcher. Raises what ``startup.load`` raises."""
    loaded = startup.load(settings, WORKER)
    app.agreed, app.registry_watcher = loaded.agreed, loaded.watcher
    app.batcher = Batcher(
        loaded.classifiers,
        publish,
        max_batch=settings.max_batch,
        freshness_ms=settings.freshness_ms,
        max_pixels=settings.max_pixels,
        expire_ms=settings.expire_s * 1000,
        skew=lambda frame: skew_ms(app.kafka_clock.ahead_ms, frame.ahead),
        metrics=metrics,
    )
    metrics.waiting = lambda: app.batcher.waiting
    metrics.clock_ahead = lambda: app.kafka_clock.ahead_s


@app.agent(frames)
async def classify(stream: Any) -> None:
    """Every frame goes to the batcher, which publishes its prediction."""
    async for event in stream.events():
        try:
            app.batcher.put(event.value)
        except Exception as error:  # it concerns this frame only
            reject(event.message, f"it could not be taken: {error!r}")


@app.task
async def run_batcher() -> None:
    """Keep the engine busy for as long as the worker lives."""
    await app.batcher.run()


@app.task
async def watch_registry() -> None:
    """Serve promoted models, as soon as they are loaded, for as long as the worker lives."""
    await app.registry_watcher.watch(app.batcher, announce, agree)


@app.task
async def follow_agreement() -> None:
    """Serve what the workers of the pool agree on, for as long as the worker lives."""
    while True:
        try:
            async with aclosing(agreement.follow(settings)) as agreements:
                async for agreed in agreements:
                    app.agreed = agreed
                    app.registry_watcher.want(specs_of(agreed, app.registry_watcher.own))
        except KafkaError as error:
            log.warning("what the pool serves cannot be followed: %s; trying again", error)
        await asyncio.sleep(ANNOUNCE_EVERY_S)


async def agree(name: str) -> bool:
    """Tell the other workers of the pool that a model changed in the registry. Returns whether Kafka has it."""
    watcher = app.registry_watcher
    classifier = app.batcher.models.get(name)
    model = agreed_model(name, classifier, watcher.wanted) if classifier else None
    changed = with_change(app.agreed, name, model, WORKER)
    if changed.models == app.agreed.models or not changed.models:
        return True
    try:
        await agreement.write(settings, changed)
    except KafkaError as error:
        log.warning("the pool could not be told of %s: %s; trying again", name, error)
        return False
    app.agreed = changed
    return True


@app.task
async def watch_progress() -> None:
    """Look every few seconds whether this worker makes progress, for as long as it lives."""
    watch(liveness, end_stalled)
    metrics.standstill = lambda: liveness.standstill()[1]
    end_offsets = EndOffsets(settings)
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            work, liveness.waits_for = await look(end_offsets)
            liveness.look(work)
    finally:
        await end_offsets.close()


async def look(end_offsets: EndOffsets) -> tuple[dict[str, Hashable], str]:
    """What this worker has to do, with how far it is, and what it waits for."""
    work: dict[str, Hashable] = {}
    if (batch := app.batcher.oldest_batch) is not None:
        work["the engine"] = batch
    if app.rebalancing or not app.consumer_generation_id:
        return work, "its partitions"
    assigned = app.consumer.assignment()
    ends = await end_offsets.of(assigned)
    if ends is None or time.monotonic() - app.announced_at > SILENT_S:
        return work, "Kafka"
    assert isinstance(app.tables, TableManager)
    assert isinstance(app.consumer, Consumer)
    if app.in_recovery:
        return {**work, "the restore of the tables": app.tables.restored}, "its tables"
    streams = {tp: end for tp, end in ends.items() if tp.topic != SESSIONS}
    return work | await work_of(app.consumer, streams), ""


def end_stalled(why: str) -> None:
    """End this process: whoever runs it starts it again."""
    log.critical("%s: the worker ends now, to be started again", why)
    end(STALLED)


@app.task
async def keep_announcing() -> None:
    """Announce this worker every few seconds."""
    while True:
        await announce()
        await asyncio.sleep(ANNOUNCE_EVERY_S)


async def announce() -> None:
    """Tell the gateways which models this worker serves, and how busy it is.

    Returns when Kafka has it. So not many wait, of which only the last would be of use.
    """
    metrics.models = [
        ServedModel(
            name, each.version, each.view.size, each.engine, each.precision, each.view.crop, each.unsure_below
        )
        for name, each in app.batcher.models.items()
    ]
    metrics.lag = lag(app.consumer.assignment(), app.monitor.tp_read_offsets, app.monitor.tp_end_offsets)
    error = "; ".join(f"{name}: {why}" for name, why in app.registry_watcher.errors.items())
    status = metrics.take_status(WORKER, now_ms(), error, settings.pool)
    try:
        sent = await (await workers.send(key=WORKER, value=status))
        app.announced_at = time.monotonic()
        if sent.timestamp is not None and sent.timestamp_type == APPENDED:
            app.kafka_clock.note(sent.timestamp, now_ms())
    except (ProducerSendError, KafkaError) as error:  # the next status comes soon
        log.warning("the worker's status could not be sent: %s", error)


async def publish(prediction: Prediction) -> None:
    """Send a prediction to the partition of its session."""
    try:
        await predictions.send(key=prediction.session, value=prediction)
    except ProducerSendError as error:  # the gateway gives the frame up
        log.warning("an outcome could not be sent: %s", error, extra=about(prediction))
        return
    metrics.count_outcome(prediction)
    if prediction.outcome == Outcome.FAILED:
        log.warning("a frame failed: %s", prediction.message, extra=about(prediction))
    else:
        log.debug("a frame was %s", prediction.outcome, extra=about(prediction))

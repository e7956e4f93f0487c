"""The agent that classifies frames, and the tasks that run beside it for as long as the worker lives."""

import asyncio
import logging
import sys
from typing import Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams import startup
from streams.agreed_models import agreed_model, specs_of, with_change
from streams.app import WORKER, app, frames, metrics, predictions, reject, settings, workers
from streams.batching import Batcher
from streams.contract.clock import now_ms
from streams.contract.kafka import agreement
from streams.contract.logs import about, configure
from streams.contract.messages import Prediction, ServedModel
from streams.contract.outcomes import Outcome
from streams.metrics import lag, serve

log = logging.getLogger(__name__)

ANNOUNCE_EVERY_S = 2.0


@app.on_worker_init.connect
def prepare(*_: Any, **__: Any) -> None:
    """Load the models before the worker asks for partitions, so that no frame waits for a network to load.

    Faust sends this signal twice. A model that cannot be loaded ends the process with one line.
    """
    if hasattr(app, "batcher"):
        return
    configure(settings)  # Faust does that later
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
        metrics=metrics,
    )
    metrics.waiting = lambda: app.batcher.waiting


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
            async for agreed in agreement.follow(settings):
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
async def keep_announcing() -> None:
    """Announce this worker every few seconds, and answer Prometheus."""
    serve(metrics, settings.metrics_host, settings.metrics_port)
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
        await (await workers.send(key=WORKER, value=status))
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

"""What the job does with each frame: classify it, and say that it lives."""

import asyncio
import logging
from functools import partial
from typing import Any

from models.registry import Registry
from streams.app import WORKER, app, frames, predictions, rejected, settings, workers
from streams.batching import Batcher
from streams.contract.clock import now_ms
from streams.contract.logs import about
from streams.contract.messages import Frame, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.metrics import Metrics, lag, serve
from streams.registry_watcher import RegistryWatcher
from streams.serving import asked_for, load

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 2.0

metrics = Metrics()


@app.on_worker_init.connect
def prepare(*_: Any, **__: Any) -> None:
    """Load the models before the worker asks for partitions, so that no frame waits for a network to load.

    Faust sends this signal twice.
    """
    if hasattr(app, "batcher"):
        return
    app.follower = RegistryWatcher(Registry(settings.registry), asked_for(settings), partial(load, settings=settings))
    app.batcher = Batcher(
        app.follower.first(settings.max_batch),
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
    """Every frame goes to the batcher, which publishes what became of it."""
    async for frame in stream:
        if reason := frame.invalid_reason():
            await reject(frame, reason)
        else:
            app.batcher.put(frame)


@app.task
async def run_batcher() -> None:
    """Keep the engine fed for as long as the worker lives."""
    await app.batcher.run()


@app.task
async def follow_registry() -> None:
    """Serve what is promoted, as soon as it is loaded, for as long as the worker lives."""
    await app.follower.follow(app.batcher, say_what_is_served)


@app.task
async def say_alive() -> None:
    """Tell the gateways now and then what this worker serves, and how it is; Prometheus asks."""
    serve(metrics, settings.metrics_host, settings.metrics_port)
    while True:
        await say_what_is_served()
        await asyncio.sleep(ALIVE_EVERY_S)


async def say_what_is_served() -> None:
    """Tell the gateways, as of now."""
    metrics.models = [
        ServedModel(name, each.version, each.input_size, each.engine, each.precision)
        for name, each in app.batcher.classifiers.items()
    ]
    metrics.lag = lag(app.consumer.assignment(), app.monitor.tp_read_offsets, app.monitor.tp_end_offsets)
    error = "; ".join(f"{name}: {why}" for name, why in app.follower.errors.items())
    status = WorkerStatus(worker=WORKER, at=now_ms(), models=metrics.models, error=error, **metrics.lately())
    await workers.send(key=WORKER, value=status)


async def publish(prediction: Prediction) -> None:
    """Send a prediction to where its session's other predictions are."""
    await predictions.send(key=prediction.session, value=prediction)
    metrics.published(prediction)
    if prediction.outcome == Outcome.FAILED:
        log.warning("a frame failed: %s", prediction.message, extra=about(prediction))
    else:
        log.debug("a frame was %s", prediction.outcome, extra=about(prediction))


async def reject(frame: Frame, reason: str) -> None:
    """Set aside a frame that names no session to answer."""
    log.warning("rejected a frame: %s", reason, extra=about(frame))
    await rejected.send(value=frame.jpeg if isinstance(frame.jpeg, bytes) else b"", headers={"why": reason.encode()})

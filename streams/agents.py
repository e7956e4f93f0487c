"""What the job does with each message: classify the frames, track the predictions, say that it lives."""

import asyncio
import logging
from typing import Any

from streams import stats
from streams.app import WORKER, app, frames, predictions, rejected, sessions, settings, workers
from streams.batching import Batcher, now_ms
from streams.messages import CANARY, Frame, Prediction, ServedModel, WorkerStatus
from streams.serving import load_classifiers

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 2.0


@app.on_worker_init.connect
def prepare(*_: Any, **__: Any) -> None:
    """Load the models before the worker asks for partitions, so that no frame waits for a network to load."""
    app.batcher = Batcher(
        load_classifiers(settings),
        publish,
        max_batch=settings.max_batch,
        freshness_ms=settings.freshness_ms,
        max_pixels=settings.max_pixels,
        expire_ms=settings.expire_s * 1000,
    )


@app.agent(frames)
async def classify(stream: Any) -> None:
    """Every frame goes to the batcher, which publishes what became of it."""
    async for frame in stream:
        if reason := frame.why_unusable():
            await reject(frame, reason)
        else:
            app.batcher.put(frame)


@app.agent(predictions)
async def track(stream: Any) -> None:
    """Every prediction brings its session's statistics up to date."""
    async for prediction in stream:
        if not prediction.session.startswith(CANARY):
            before = sessions.get(prediction.session)
            after = stats.add(before, prediction, now_ms())
            if after is not before:
                sessions[prediction.session] = after


@app.task
async def run_batcher() -> None:
    """Keep the engine fed for as long as the worker lives."""
    await app.batcher.run()


@app.task
async def say_alive() -> None:
    """Tell the gateways what this worker serves."""
    served = [
        ServedModel(each.model, each.version, each.input_size, each.engine, each.precision)
        for each in app.batcher.classifiers.values()
    ]
    while True:
        await workers.send(key=WORKER, value=WorkerStatus(worker=WORKER, at=now_ms(), models=served))
        await asyncio.sleep(ALIVE_EVERY_S)


async def publish(prediction: Prediction) -> None:
    """Send a prediction to where its session's other predictions are."""
    await predictions.send(key=prediction.session, value=prediction)


async def reject(frame: Frame, reason: str) -> None:
    """Set aside a frame that names no session to answer."""
    log.warning("rejected a frame: %s", reason)
    await rejected.send(value=frame.jpeg if isinstance(frame.jpeg, bytes) else b"", headers={"why": reason.encode()})

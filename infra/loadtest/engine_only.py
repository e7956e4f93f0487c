"""The process that runs an engine alone, as the reference for the speed of the whole pipeline.

It prints the engine's precision, then reads commands from standard input, one a line, and answers each with a number:
``fps SECONDS BATCH`` with frames a second, ``ms SECONDS`` with the median milliseconds of a batch of one.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import numpy as np

from infra.commands import edge
from models.catalog import configured_specs, load
from models.classifier import ClassifierProtocol, warm
from models.engines.base import MAX_CONCURRENT_BATCHES, EngineOptions
from streams.contract.settings import Settings


def frames_per_second(classifier: ClassifierProtocol, seconds: float, batch: int) -> float:
    """How many pictures a second the engine classifies when the next full batch is always ready."""
    pictures = _noise(classifier, batch)
    room = Semaphore()

    def run() -> None:
        released = Event()

        def release_once() -> None:
            if not released.is_set():
                released.set()
                room.release()

        try:
            classifier.classify(pictures, on_room=release_once)
        finally:
            release_once()

    started = time.perf_counter()
    jobs = []
    with ThreadPoolExecutor(MAX_CONCURRENT_BATCHES) as engine:
        while time.perf_counter() - started < seconds:
            room.acquire()
            jobs.append(engine.submit(run))
    for job in jobs:
        job.result()  # raises the engine's error, if there was one
    return len(jobs) * batch / (time.perf_counter() - started)


def batch_one_ms(classifier: ClassifierProtocol, seconds: float) -> float:
    """The median milliseconds for one picture, ten times a second, as a single session sends them."""
    picture = _noise(classifier, 1)
    took = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        time.sleep(0.1)
        started = time.perf_counter()
        classifier.classify(picture)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _noise(classifier: ClassifierProtocol, batch: int) -> np.ndarray:
    """Random pixels (batch, size, size, 3) uint8."""
    shape = (batch, classifier.view.size, classifier.view.size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def main() -> None:
    """Answer commands until standard input ends."""
    settings = Settings.from_environ()
    [spec] = configured_specs(settings.models, Path(settings.weights) if settings.weights else None).values()
    options = EngineOptions(settings.cache, settings.engine, settings.precision, settings.threads)
    classifier = load(spec, options)
    warm(classifier, settings.max_batch)
    print(classifier.precision, flush=True)
    for line in sys.stdin:
        kind, *numbers = line.split()
        if kind == "fps":
            print(frames_per_second(classifier, float(numbers[0]), int(numbers[1])), flush=True)
        else:
            print(batch_one_ms(classifier, float(numbers[0])), flush=True)


if __name__ == "__main__":
    edge.run(main)

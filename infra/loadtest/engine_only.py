"""The engine alone, in a process of its own: the limit that the whole pipeline is measured against.

Reads commands from standard input, one a line: ``fps SECONDS BATCH`` and ``ms SECONDS``; answers each with a number.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import numpy as np

from models.catalog import configured_specs, load
from models.classifier import ClassifierProtocol, warm
from models.engines.base import MAX_CONCURRENT_BATCHES, EngineOptions
from streams.contract.settings import Settings


def frames_per_second(classifier: ClassifierProtocol, seconds: float, batch: int) -> float:
    """How many pictures a second the engine takes in batches that lie ready, each as soon as there is room."""
    pictures = _noise(classifier, batch)
    room = Semaphore()

    def run() -> None:
        told = Event()

        def make_room() -> None:
            if not told.is_set():
                told.set()
                room.release()

        try:
            classifier.classify(pictures, on_room=make_room)
        finally:
            make_room()

    started = time.perf_counter()
    jobs = []
    with ThreadPoolExecutor(MAX_CONCURRENT_BATCHES) as engine:
        while time.perf_counter() - started < seconds:
            room.acquire()
            jobs.append(engine.submit(run))
    for job in jobs:
        job.result()  # an engine that fails has no speed
    return len(jobs) * batch / (time.perf_counter() - started)


def batch_one_ms(classifier: ClassifierProtocol, seconds: float) -> float:
    """The median milliseconds for a lone picture, at the pace of ten a second, as one session sends them."""
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
    shape = (batch, classifier.input_size, classifier.input_size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def main() -> None:
    """Serve measurements until standard input ends."""
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
    main()

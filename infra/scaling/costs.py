"""What a frame costs each part of a deployment, as it was measured."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

MEASURED = Path(__file__).parent / "costs.json"


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU milliseconds on one core, for an answered frame unless said otherwise.

    The engine takes ``batch`` for each batch and ``frame`` for each frame in it. ``worker`` is the worker without its
    engine. Kafka's requests have the frames of a batch in them, so worker, broker and gateway need ``worker_batch``,
    ``broker_batch`` and ``gateway_batch`` for each batch besides. Frames and answers wait ``kafka_ms`` in Kafka and
    its clients, without using a core. With all cores busy, each has ``speed_when_full`` of the speed of a core alone;
    that is measured as CPU time, in a run with more threads than cores.
    """

    batch: float
    frame: float
    worker: float
    broker: float
    gateway: float
    client: float
    worker_batch: float = 0.0
    broker_batch: float = 0.0
    gateway_batch: float = 0.0
    speed_when_full: float = 1.0
    kafka_ms: float = 2.0

    def engine(self, size: float) -> float:
        """CPU milliseconds of the engine for a batch."""
        return self.batch + self.frame * size

    def frame_ms(self, size: float) -> dict[str, float]:
        """CPU milliseconds of each part for a frame, in batches of this size."""
        return {
            "engine": self.engine(size) / size,
            "worker": self.worker + self.worker_batch / size,
            "broker": self.broker + self.broker_batch / size,
            "gateway": self.gateway + self.gateway_batch / size,
            "client": self.client,
        }

    def scaled(self, factor: float) -> Self:
        """The costs on a machine that takes ``factor`` times as long for everything."""
        names = set(self.__dataclass_fields__) - {"speed_when_full", "kafka_ms"}
        return replace(self, **{name: getattr(self, name) * factor for name in names})

    @classmethod
    def of_engine(cls, ms_by_size: dict[int, float], **others: float) -> Self:
        """The costs where the engine takes these milliseconds for a batch of one and for its largest batch."""
        small, large = min(ms_by_size), max(ms_by_size)
        frame = (ms_by_size[large] - ms_by_size[small]) / (large - small)
        return cls(batch=max(0.0, ms_by_size[small] - frame * small), frame=frame, **others)


@dataclass(frozen=True, slots=True)
class Run:
    """Frames a second of so many workers with one thread each, measured and simulated."""

    workers: int
    measured: float
    simulated: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The costs on one machine, and the runs that check them."""

    machine: str
    model: str
    date: str
    costs: Costs
    runs: list[Run]

    @classmethod
    def read(cls, path: Path = MEASURED) -> Self:
        """The last measurement. Raises OSError, or msgspec.DecodeError where the file is no measurement."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path = MEASURED) -> None:
        """Keep this measurement."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

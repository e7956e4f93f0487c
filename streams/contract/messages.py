"""The messages that travel through Kafka, each with its session's id as the key.

With that key, a session's frames, answers and statistics keep their order.
"""

import faust

from streams.contract import codec
from streams.contract.outcomes import Outcome, Stage


class Frame(faust.Record, serializer=codec.NAME, include_metadata=False):
    """One picture on its way to the classifier. Times are milliseconds since 1970 by the gateway's clock."""

    session: str = ""
    seq: int = 0
    model: str = ""  # empty: the worker's first
    captured: float = 0.0
    received: float = 0.0
    echoes: list[list[float]] = []  # noqa: RUF012 - a Record's field; Faust copies nothing, nobody mutates it
    jpeg: bytes = b""

    def why_unusable(self) -> str:
        """The reason why no worker can answer this frame, or an empty string."""
        if not isinstance(self.session, str) or not self.session:
            return "no session"
        if type(self.seq) is not int or self.seq < 1:
            return f"sequence number {self.seq!r}"
        if not isinstance(self.model, str):
            return f"model {self.model!r}"
        if not all(isinstance(t, int | float) for t in (self.captured, self.received)):
            return "a time that is no number"
        if not isinstance(self.echoes, list):
            return "echoes that are no list"
        if not isinstance(self.jpeg, bytes):
            return "a picture that is not bytes"
        return ""


class Label(faust.Record, serializer=codec.NAME, include_metadata=False):
    """A class, its name, and the network's probability for it, 0 to 1."""

    index: int
    label: str
    probability: float


class Prediction(faust.Record, serializer=codec.NAME, include_metadata=False):
    """What became of one frame: ``answered`` with labels, or a reason why not.

    For each frame several may be published (a worker that restarts, a gateway that gave up waiting); the first in
    the topic's order is the frame's fate, for the browser and for the statistics alike. ``also`` are later frames of
    the session with the same fate: a gateway that drops many says so at once, which is what makes drops cheap.
    ``times`` are milliseconds since 1970: captured, received, queued, decoded, classified, published.
    """

    session: str
    seq: int
    outcome: Outcome
    stage: Stage
    message: str = ""
    labels: list[Label] = []  # noqa: RUF012
    model: str = ""
    version: str = ""
    input_size: int = 0
    times: dict[str, float] = {}  # noqa: RUF012
    echoes: list[list[float]] = []  # noqa: RUF012
    also: list[int] = []  # noqa: RUF012

    @property
    def seqs(self) -> list[int]:
        """All the frames whose fate this is."""
        return [self.seq, *self.also]


class ServedModel(faust.Record, serializer=codec.NAME, include_metadata=False):
    """A model that a worker answers with; ``input_size`` in pixels, the side of its square input."""

    name: str
    version: str
    input_size: int
    engine: str = ""
    precision: str = ""


class WorkerStatus(faust.Record, serializer=codec.NAME, include_metadata=False):
    """A worker's sign of life, every few seconds; ``models`` in order of preference, ``at`` in ms since 1970.

    ``error`` says which models should be served and are not, and why.
    Since the one before: ``batch_sizes`` as pairs of a size and how many batches had it, ``fps`` answered frames a
    second, ``queue_age_ms`` the age of the oldest frame when the engine took it. Now: ``waiting`` frames, and by each
    of the worker's partitions its ``lag`` in frames. Since the worker's start: ``drops`` by reason.
    """

    worker: str
    at: float
    models: list[ServedModel]
    error: str = ""
    batch_sizes: list[list[int]] = []  # noqa: RUF012
    fps: float = 0.0
    queue_age_ms: float = 0.0
    waiting: int = 0
    lag: dict[str, int] = {}  # noqa: RUF012
    drops: dict[str, int] = {}  # noqa: RUF012

"""The messages in Kafka. The key of a message is its session's id, so the messages of a session keep their order.

All times are milliseconds since 1970 by the clock of the gateway or worker that set them. ``captured`` is the
browser's time, converted to the gateway's clock. An echo is a pair: the number of an earlier frame, and its round
trip in milliseconds, from capture until the browser showed its labels.
"""

import faust

from streams.contract import codec
from streams.contract.outcomes import Outcome, Stage


class Frame(faust.Record, serializer=codec.NAME, include_metadata=False):
    """One image for the classifier, from gateway to worker.

    ``seq`` numbers the frames of the session, from 1. ``model`` is the model asked for; if empty, the worker uses its
    first one. ``captured`` and ``received`` are times, ``echoes`` the echoes that came with this frame. ``jpeg`` is
    the whole JPEG file.
    """

    session: str = ""
    seq: int = 0
    model: str = ""
    captured: float = 0.0
    received: float = 0.0
    echoes: list[list[float]] = []  # noqa: RUF012 - the type of a Record's field; nothing changes the default
    jpeg: bytes = b""

    def invalid_reason(self) -> str:
        """Why no worker can process this frame, or an empty string if it is valid. Faust does not check types."""
        if not isinstance(self.session, str) or not self.session:
            return "no session"
        if type(self.seq) is not int or self.seq < 1:
            return f"sequence number {self.seq!r}"
        if not isinstance(self.model, str):
            return f"model {self.model!r}"
        if not all(isinstance(t, int | float) for t in (self.captured, self.received)):
            return "a time that is not a number"
        if not isinstance(self.echoes, list):
            return "echoes that are not a list"
        if not isinstance(self.jpeg, bytes):
            return "an image that is not bytes"
        return ""


class Label(faust.Record, serializer=codec.NAME, include_metadata=False):
    """A class: its ``index`` in the model, its name, and the probability (0 to 1) that the model gives it."""

    index: int
    label: str
    probability: float


class Prediction(faust.Record, serializer=codec.NAME, include_metadata=False):
    """The outcome of one frame, and the process that decided it (``stage``). ``message`` explains a drop to people.

    A frame can have several predictions, for example after a worker restarts or when a gateway stops waiting. The
    first one in the topic is the frame's outcome, for the browser and for the statistics.

    ``also`` are the numbers of further frames of the session with the same outcome. So a gateway needs only one
    message when it drops many frames.

    An answered frame has ``labels``, the most probable first; the ``model`` with its ``version`` and ``input_size``
    (pixels, the side of its square input); and ``times``: when it was captured, and when each server hop ended.
    ``echoes`` are those of the frame.
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
        """The numbers of all frames that have this outcome."""
        return [self.seq, *self.also]


class ServedModel(faust.Record, serializer=codec.NAME, include_metadata=False):
    """A model that a worker serves. ``input_size`` is in pixels, the side of its square input."""

    name: str
    version: str
    input_size: int
    engine: str = ""
    precision: str = ""


class WorkerStatus(faust.Record, serializer=codec.NAME, include_metadata=False):
    """The state of a worker at the time ``at``. A worker sends one every few seconds.

    ``models`` are the served models, the default first. ``error`` names the models that cannot be served, and why.

    Since the last status: ``batch_sizes`` are pairs of a batch size and the number of batches that had it, ``fps`` is
    answered frames a second, ``queue_age_ms`` the age of the oldest frame that the engine took.
    Now: ``waiting`` is the number of frames in the queue, ``lag`` the number of unread frames by partition.
    Since the worker's start: ``drops`` counts dropped frames by reason.
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

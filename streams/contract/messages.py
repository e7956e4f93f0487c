"""The messages in Kafka. The key of a message is its session's id, so the messages of a session keep their order.

All times are milliseconds since 1970 by the clock of the gateway or worker that set them. ``captured`` is the
browser's time, converted to the gateway's clock. An echo is a pair: the number of an earlier frame, and its round
trip in milliseconds, from capture until the browser showed its labels.

Any producer can write to the topics. So each message is checked when it is read: the types of its fields in
``Message.from_data``, their values in its ``invalid_reason``. Both raise ValueError, in ``loads`` too.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NotRequired, Self, TypedDict, cast, get_args, get_origin, get_type_hints

import faust
import msgspec

from streams.contract import codec
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings.fields import is_pool

MAX_SEQ = 2**32 - 1  # the browser's protocol has 4 bytes for a sequence number
MAX_MS = 1e15  # no time or duration is longer: as a time it is the year 33658
MAX_COUNT = 2**53  # the greatest integer that JavaScript can count to
MAX_NAME = 256  # characters in the id of a session, the name of a worker, of a model or of its version
MAX_MODEL_SIZE = 2**15  # pixels


class Message(faust.Record, abstract=True):
    """What all messages have in common: they are checked when they are read. Faust alone would take any type."""

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, preferred_type: Any = None) -> Self:
        """The message from the fields of a JSON object. Unknown fields are left out.

        Raises:
            ValueError: a field is missing, has another type or an impossible value.
        """
        if isinstance(data, cls):  # Faust asks for each record in a list that a message was made with
            return data
        fields = msgspec.convert(data, fields_of(cast(Any, cls)))
        message: Self = super().from_data(fields, preferred_type=preferred_type)
        if why := message.invalid_reason():
            raise ValueError(f"{cls.__name__}: {why}")
        return message

    def invalid_reason(self) -> str:
        """Why nobody can use this message, or an empty string if it is valid. Its fields have the right types."""
        return ""


class Frame(Message, serializer=codec.NAME, include_metadata=False):
    """One image for the classifier, from gateway to worker.

    ``seq`` numbers the frames of the session, from 1. ``model`` is the model asked for; if empty, the worker uses its
    first one. ``captured`` and ``received`` are times, ``echoes`` the echoes that came with this frame. ``jpeg`` is
    the whole JPEG file. The gateway's clock is ``ahead`` of Kafka's by so many milliseconds; None: it is not known.
    """

    session: str = ""
    seq: int = 0
    model: str = ""
    captured: float = 0.0
    received: float = 0.0
    echoes: list[list[float]] = []  # noqa: RUF012 - the type of a Record's field; nothing changes the default
    ahead: float | None = None
    jpeg: bytes = b""

    def invalid_reason(self) -> str:
        """Why no worker can process this frame, or an empty string if it is valid."""
        return (
            _bad_id("session", self.session)
            or _bad_seqs([self.seq])
            or _bad_name("model", self.model)
            or _bad_times([self.captured, self.received, self.ahead or 0.0])
            or _bad_echoes(self.echoes)
        )


class Label(Message, serializer=codec.NAME, include_metadata=False):
    """A class: its ``index`` in the model, its name, and the probability (0 to 1) that the model gives it."""

    index: int
    label: str
    probability: float

    def invalid_reason(self) -> str:
        """Why this is no class of a model, or an empty string."""
        if not -1 <= self.index <= MAX_COUNT:  # -1: none of these
            return f"index {shown(self.index)}"
        return "" if 0 <= self.probability <= 1 else f"probability {shown(self.probability)} is not between 0 and 1"


class Prediction(Message, serializer=codec.NAME, include_metadata=False):
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

    def invalid_reason(self) -> str:
        """Why this is no outcome of a frame, or an empty string if it is valid."""
        return (
            _bad_id("session", self.session)
            or _bad_seqs(self.seqs)
            or _bad_name("model", self.model)
            or _bad_name("version", self.version)
            or _bad_counts("input size", [self.input_size])
            or _bad_times(self.times.values())
            or _bad_echoes(self.echoes)
            or _first(each.invalid_reason() for each in self.labels)
        )


class ServedModel(Message, serializer=codec.NAME, include_metadata=False):
    """A model that a worker serves. ``input_size`` is in pixels, the side of its square input.

    Clients cut the centre square of a picture for it. Its side is ``crop`` of the picture's short side, above 0 to 1.
    Below the probability ``unsure_below``, fewer than half of the first labels were right when that was measured; 0
    means never. The defaults are for the messages of workers that do not know these fields.
    """

    name: str
    version: str
    input_size: int
    engine: str = ""
    precision: str = ""
    crop: float = 1.0
    unsure_below: float = 0.0

    def invalid_reason(self) -> str:
        """What is not valid in this message, or an empty string."""
        if not 1 <= self.input_size <= MAX_MODEL_SIZE:
            return f"input size {shown(self.input_size)}"
        if not 0 < self.crop <= 1:
            return f"crop {shown(self.crop)}"
        if not 0 <= self.unsure_below <= 1:
            return f"unsure below {shown(self.unsure_below)}"
        return _bad_id("model", self.name) or _bad_name("version", self.version)


class WorkerStatus(Message, serializer=codec.NAME, include_metadata=False):
    """The state of a worker at the time ``at``. A worker sends one every few seconds.

    ``models`` are the served models, the default first. ``error`` names the models that cannot be served, and why.
    ``pool`` is the worker's pool; the frames for its models are in the topic of that pool.

    Since the last status: ``batch_sizes`` are pairs of a batch size and the number of batches that had it, ``fps`` is
    answered frames a second, ``queue_age_ms`` the age of the oldest frame that the engine took.
    Now: ``waiting`` is the number of frames in the queue, ``lag`` the number of unread frames by partition.
    Since the worker's start: ``drops`` counts dropped frames by reason, ``rejected`` the records of all topics that
    it could not use and set aside.
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
    rejected: int = 0
    pool: str = ""

    def invalid_reason(self) -> str:
        """Why this is no worker's status, or an empty string if it is valid."""
        if any(len(each) != 2 for each in self.batch_sizes):
            return "batch sizes that are not pairs"
        if not all(partition.isascii() and partition.isdecimal() and len(partition) < 10 for partition in self.lag):
            return "a lag without the number of its partition"
        counts = [*self.lag.values(), *self.drops.values(), self.waiting, self.rejected]
        return (
            _bad_id("worker", self.worker)
            or ("" if is_pool(self.pool) else f"pool {shown(self.pool)}")
            or _first(each.invalid_reason() for each in self.models)
            or _bad_times([self.at, self.fps, self.queue_age_ms])
            or _bad_counts("count", [*counts, *(number for pair in self.batch_sizes for number in pair)])
        )


class AgreedModel(Message, serializer=codec.NAME, include_metadata=False):
    """A model that all workers of a pool serve under ``name``.

    ``model`` is what to load where the registry has no live version of that name: a published network or a bundle
    folder; empty: only the registry has it. An empty ``version`` stands for any.
    """

    name: str
    model: str = ""
    version: str = ""

    def invalid_reason(self) -> str:
        """What is not valid in this message, or an empty string."""
        return _bad_id("model", self.name) or _bad_name("version", self.version)


class Agreement(Message, serializer=codec.NAME, include_metadata=False):
    """What the workers of a pool serve, the default model first.

    It came from a worker whose setting was ``configured``, and was last changed by ``by``, a worker or a command.
    """

    models: list[AgreedModel]
    configured: list[str] = []  # noqa: RUF012
    by: str = ""

    def invalid_reason(self) -> str:
        """What is not valid in this message, or an empty string."""
        return "no model" if not self.models else _first(each.invalid_reason() for each in self.models)


def shown(value: object) -> str:
    """A value from a foreign message as it is shown to people: printable and short."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


@cache
def fields_of(record: Any) -> Any:
    """The fields of a class of records, with their types, as a TypedDict: msgspec converts JSON objects to it."""
    defaults = record._options.defaults
    hints = get_type_hints(record)
    types: dict[str, Any] = {name: _plain(hints[name]) for name in record._options.fields}
    types |= {name: NotRequired[types[name]] for name in defaults}
    make: Any = TypedDict
    fields = make(record.__name__, types)
    fields.__module__, fields.__doc__ = record.__module__, record.__doc__
    return fields


def _plain(kind: Any) -> Any:
    """A field's type with the records in it replaced by their fields."""
    if isinstance(kind, type) and issubclass(kind, faust.Record):
        return fields_of(cast(Any, kind))
    if get_origin(kind) is list:
        return list[_plain(get_args(kind)[0])]  # type: ignore[misc]
    return kind


def _first(reasons: Iterable[str]) -> str:
    return next(filter(None, reasons), "")


def _bad_id(what: str, value: str) -> str:
    return _bad_name(what, value) if value else f"no {what}"


def _bad_name(what: str, value: str) -> str:
    return "" if len(value) <= MAX_NAME else f"{what} {shown(value)} has more than {MAX_NAME} characters"


def _bad_seqs(seqs: Iterable[int]) -> str:
    bad = next((each for each in seqs if not 1 <= each <= MAX_SEQ), None)
    return "" if bad is None else f"sequence number {shown(bad)}"


def _bad_counts(what: str, counts: Iterable[int]) -> str:
    bad = next((each for each in counts if not 0 <= each <= MAX_COUNT), None)
    return "" if bad is None else f"{what} {shown(bad)}"


def _bad_times(times: Iterable[float]) -> str:
    bad = next((each for each in times if not -MAX_MS <= each <= MAX_MS), None)  # true of NaN, too
    return "" if bad is None else f"time {shown(bad)}"


def _bad_echoes(echoes: Sequence[Sequence[float]]) -> str:
    for each in echoes:
        if len(each) != 2:
            return f"echo {shown(each)} is not a pair"
        if not (0 <= each[0] <= MAX_SEQ and each[1] >= 0):
            return f"echo {shown(each)}"
    return _bad_times(each[1] for each in echoes)

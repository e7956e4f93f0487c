"""The JSON messages between browser and gateway, each with its name in lower case as ``type``.

Up goes only ``Ping``; frames are binary messages, see ``web/protocol.py``. All other messages go down. Times are
milliseconds since 1970 by the clock of the side that sends them.
"""

import json
import sys
from typing import Annotated, get_args

import msgspec

from streams.contract.outcomes import Outcome, Stage
from web.protocol import BadMessage

MAX_TEXT = 1024  # characters of a text message from a client

Finite = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]


class Message(msgspec.Struct, tag_field="type", tag=str.lower):
    """What all messages have in common."""


class Ping(Message):
    """The sender's clock, and by how many milliseconds the server's is ahead of it as far as known."""

    sent: Finite
    offset: Finite | None = None


class ModelInfo(msgspec.Struct):
    """A model that is served; ``input_size`` is the side of its square input in pixels.

    ``crop`` is the share of a picture's short side that is cut as the centre square for it. A first label with a
    probability below ``unsure_below`` is more likely wrong than right; 0 means that none is.
    """

    name: str
    version: str
    input_size: int
    crop: float = 1.0
    unsure_below: float = 0.0


class Label(msgspec.Struct):
    """A class, its name, and the network's probability for it, 0 to 1."""

    index: int
    label: str
    probability: float


class SmoothedLabel(msgspec.Struct):
    """The label that does not flicker, and its smoothed probability, 0 to 1."""

    label: str
    probability: float


class Welcome(Message):
    """The first message: ``seq`` is the greatest sequence number so far, ``model`` the one that will answer."""

    session: str
    seq: int
    server: float
    models: list[ModelInfo]
    model: ModelInfo | None
    token: str
    credits: int
    max_frame_bytes: int
    stats: str  # the address of the statistics page, relative to the gateway's root; empty where there is none


class Models(Message):
    """What is served has changed."""

    models: list[ModelInfo]
    model: ModelInfo | None


class Labels(Message, omit_defaults=True):
    """Frame ``seq`` is answered; ``times`` has the moment at which each of its hops ended."""

    seq: int
    labels: list[Label]
    model: str
    version: str
    input_size: int
    times: dict[str, float]
    smoothed: SmoothedLabel | None = msgspec.field(default=None, name="steady")


class Dropped(Message, omit_defaults=True):
    """Frame ``seq`` gets no labels, nor do the frames ``also``, for the same reason."""

    seq: int
    reason: Outcome
    stage: Stage
    message: str = ""
    also: list[int] = []
    smoothed: SmoothedLabel | None = msgspec.field(default=None, name="steady")

    @property
    def seqs(self) -> list[int]:
        """All frames that are dropped."""
        return [self.seq, *self.also]


class Pong(Message):
    """The answer to a ping, which was ``sent`` by the browser's clock."""

    sent: float
    server: float


class Error(Message):
    """Something went wrong; ``code`` is for programs, ``message`` for people."""

    code: str
    message: str


GatewayMessage = Welcome | Models | Labels | Dropped | Pong | Error


class _OnlyType(msgspec.Struct):
    type: str


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[GatewayMessage] = msgspec.json.Decoder(GatewayMessage)
_known = {each.__struct_config__.tag for each in get_args(GatewayMessage)}


def encode(message: Message) -> str:
    """A message as JSON text."""
    return _encoder.encode(message).decode()


def decode(text: str | bytes) -> GatewayMessage | None:
    """A message from the gateway, or None if its type is unknown: a newer gateway may send more types.

    Raises:
        msgspec.DecodeError: the text is not JSON, or a message of a known type lacks what it must have.
    """
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        if msgspec.json.decode(text, type=_OnlyType).type in _known:
            raise
        return None


def parse_ping(text: str) -> Ping:
    """The ping in a text message from a client.

    Raises:
        BadMessage: the text is something else.
    """
    if len(text) > MAX_TEXT:
        raise BadMessage("not_binary", f"frames are binary messages; this was text of {len(text)} characters")
    try:
        message = json.loads(text, parse_int=float)  # so an integer of a thousand digits is infinite
    except (ValueError, RecursionError):
        raise BadMessage("not_binary", "frames are binary messages; this was text that is not JSON") from None
    if not isinstance(message, dict) or message.get("type") != "ping":
        raise BadMessage("unknown_word", 'the only text message a client sends is {"type": "ping", "sent": ms}')
    try:
        return msgspec.convert(message, Ping)
    except msgspec.ValidationError:
        raise BadMessage("unknown_word", "a ping carries two numbers: sent, and offset or null") from None

"""Records that cannot be used, as they are set aside: they go to a topic of their own, where people can look at them.

Each has the headers ``topic``, ``partition``, ``offset`` and ``why``. Its value is that of the record, cut off where
it is too long to be sent again.
"""

from dataclasses import dataclass

MAX_REASON = 500  # characters
HEADERS_BYTES = 4096  # more than all headers and the key of a record take


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record of ``topic`` that cannot be used, and ``why``. ``offset`` is -1 where it is not known any more."""

    topic: str
    partition: int
    offset: int
    why: str
    value: bytes | None = None

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}: {one_line(self.why)}"

    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of the record that is set aside."""
        texts = {
            "topic": self.topic,
            "partition": str(self.partition),
            "offset": str(self.offset),
            "why": one_line(self.why),
        }
        return [(name, text.encode(errors="backslashreplace")) for name, text in texts.items()]

    def body(self, max_bytes: int) -> bytes:
        """The value of the record that is set aside, so that all of it has at most ``max_bytes``. Never None:
        Kafka's clients send no record that has neither key nor value.
        """
        return (self.value or b"")[: max(0, max_bytes - HEADERS_BYTES)]


def one_line(text: str) -> str:
    """A text of foreign origin as part of a log line: printable, without line breaks, not too long."""
    line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:MAX_REASON])
    return line[:MAX_REASON]

"""What can be wrong with a picture or a frame, in one line of words."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.pictures.kinds import SENTENCES


class BadFrame(ValueError):
    """A picture that cannot be classified."""


class UnreadableFrame(BadFrame):
    """The bytes are not a complete image in a supported format."""


class FrameTooLarge(BadFrame):
    """The header says that the image needs more pixels or memory than allowed. Nothing was decoded."""


def in_words(error: BadFrame | OSError) -> str:
    """What is wrong with a picture file, without its name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def damaged(kind: str) -> UnreadableFrame:
    """The error for a file of which the pixels are not all there, or not as they were."""
    return UnreadableFrame(SENTENCES["damaged"].format(kind=kind))


def uncommon(kind: str, what: str) -> UnreadableFrame:
    """The error for a file that is sound, but of a form of its format that is not read."""
    return UnreadableFrame(SENTENCES["uncommon"].format(kind=kind, what=what))


def too_large(width: int, height: int) -> FrameTooLarge:
    """The error for a picture of which the pixels would take too much memory or time."""
    return FrameTooLarge(SENTENCES["too_large"].format(width=width, height=height))


@contextmanager
def named_errors(kind: str) -> Iterator[None]:
    """Turns what a decoder raises, which can be almost any exception, into this module's errors."""
    try:
        yield
    except BadFrame:
        raise
    except MemoryError as error:
        raise FrameTooLarge(f"the {kind} needs more memory than there is: save a smaller picture") from error
    except Exception as error:
        raise damaged(kind) from error

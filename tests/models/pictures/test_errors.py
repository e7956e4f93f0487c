"""What is wrong with a picture is one of two errors, in words."""

import errno
import os

import pytest

from models.pictures.errors import (
    BadFrame,
    FrameTooLarge,
    UnreadableFrame,
    in_words,
    named_errors,
    too_large,
    uncommon,
)


@pytest.mark.parametrize("error", [ValueError("x"), SyntaxError("x"), OSError("x"), KeyError(1), ZeroDivisionError()])
def test_whatever_a_decoder_raises_is_a_damaged_file(error: Exception) -> None:
    with (
        pytest.raises(UnreadableFrame, match=r"^the GIF is cut off or damaged: copy it again$") as caught,
        named_errors("GIF"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_named_errors_stay_as_they_are() -> None:
    with pytest.raises(FrameTooLarge, match=r"^5×6 pixels need too much memory"), named_errors("GIF"):
        raise too_large(5, 6)


def test_too_little_memory_is_a_picture_that_is_too_large() -> None:
    with (
        pytest.raises(FrameTooLarge, match="GIF needs more memory than there is: save a smaller"),
        named_errors("GIF"),
    ):
        raise MemoryError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT), "a.jpg"), "No such file or directory"),
        (OSError("no number"), "no number"),
        (uncommon("TIFF", "5 channels"), "TIFF with 5 channels is not read: save it as an ordinary JPEG first"),
    ],
)
def test_words_do_not_name_the_file(error: BadFrame | OSError, words: str) -> None:
    assert in_words(error) == words

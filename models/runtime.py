"""Imports TensorFlow and Keras late and without the messages that they print at their start."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from models.storage import check_temporary

_NOISE = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} [\d:.]+ +\d+ ")


class TensorFlowMissing(RuntimeError):
    """A step needs TensorFlow, and this installation serves only networks that were converted elsewhere."""


def check_tensorflow() -> None:
    """Raises TensorFlowMissing where it is not installed; does not import it."""
    if find_spec("tensorflow") is None:
        raise TensorFlowMissing(
            "a network is not converted yet, and TensorFlow, which converts it, is not installed: convert it on a "
            "machine that has TensorFlow and use its SIGHTSTREAM_CACHE, or pip install 'sightstream[worker]'"
        )


def tensorflow() -> Any:
    """Returns the module `tensorflow`.

    Raises TensorFlowMissing, and storage.Unwritable without a folder for temporary files.
    """
    if "tensorflow" not in sys.modules:
        check_tensorflow()
        check_temporary()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = "tensorflow"  # only this backend gives the frozen graphs that the engines use
        with _without_noise():
            import tensorflow as tf

            tf.config.list_physical_devices()  # the search for accelerators prints messages, too
    import tensorflow

    return tensorflow


def keras() -> Any:
    """Returns the module `keras`, with TensorFlow as its backend."""
    tensorflow()
    import keras

    return keras


@contextmanager
def _without_noise() -> Iterator[None]:
    """Holds stderr back during the block, then prints it without TensorFlow's start-up messages.

    Native code writes these messages before its log level applies.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not _NOISE.match(line):
                    os.write(2, line)

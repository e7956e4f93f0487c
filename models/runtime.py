"""TensorFlow and Keras, imported late and without their start-up chatter."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} [\d:.]+ +\d+ ")


def tensorflow() -> Any:
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = "tensorflow"  # frozen graphs, and all that is made of them, need this one
        with _without_chatter():
            import tensorflow as tf

            tf.config.list_physical_devices()  # looks for accelerators, loudly
    import tensorflow

    return tensorflow


def keras() -> Any:
    tensorflow()
    import keras

    return keras


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Holds back stderr, where native code logs before its level applies, then lets through what is not chatter."""
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
                if not _CHATTER.match(line):
                    os.write(2, line)

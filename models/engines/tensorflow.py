"""The TensorFlow engine. It runs a bundle's network as one frozen function."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import runtime
from models.bundle import Bundle
from models.engines.base import EngineOptions, OnRoom, ignore_room

log = logging.getLogger(__name__)


class TensorFlowEngine:
    """See `models.engines.base.Engine`. Always f32: TensorFlow can only turn bf16 on for the whole process.

    A batch is padded to the next larger bucket, because TensorFlow prepares the whole graph again for each new size.
    """

    name = "tensorflow"
    precision = "f32"
    buckets = (1, 2, 4, 8)

    def __init__(self, bundle: Bundle, options: EngineOptions) -> None:
        self._tf = runtime.tensorflow()
        _use_threads(self._tf, options.threads)
        self._function = frozen(bundle)

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        count = len(batch)
        bucket = next(size for size in self.buckets if size >= count)
        if bucket > count:
            batch = np.pad(batch, ((0, bucket - count), (0, 0), (0, 0), (0, 0)))
        probabilities: NDArray[np.float32] = self._function(self._tf.constant(batch))[0].numpy()
        return probabilities[:count]

    def close(self) -> None:
        self._function = None


def frozen(bundle: Bundle) -> Any:
    """Returns the bundle's network as a function without variables. Both engines use it.

    The function maps pixels (n, size, size, 3) uint8 to the probabilities of all logits; it includes normalisation,
    temperature and softmax.
    """
    tf = runtime.tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = bundle.build()
    size = bundle.manifest.network.input_size

    def probabilities(pixels: Any) -> Any:
        return tf.nn.softmax(model(tf.cast(pixels, tf.float32), training=False) / bundle.manifest.temperature)

    signature = tf.TensorSpec((None, size, size, 3), tf.uint8, name="pixels")
    function = tf.function(probabilities, input_signature=[signature], autograph=False)
    return convert_variables_to_constants_v2(function.get_concrete_function())


def _use_threads(tf: Any, threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow has started; its number of threads is then fixed for this process
        log.debug("TensorFlow has already started and cannot be set to %d threads", threads)

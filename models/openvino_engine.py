"""The OpenVINO engine: the bundle's network, converted once, kept in the cache, compiled for this CPU."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import build
from models.bundle import Bundle
from models.storage import replaced, sha256

_RECIPE = 1  # raised when the conversion changes, so that what an older version left in a cache is not used
TOGETHER = 1  # pictures
PIECE = 1

_GRAPH = "model.xml"
_DIGESTS = "sha256.json"


class OpenVINOEngine:
    """See `models.engines.Engine`.

    One network with a dynamic batch, so nothing is padded: against one compiled for each bucket it was as fast for
    even sizes, faster for mixed ones, and smaller. Beyond 8 a batch only gains memory.

    A batch of up to `TOGETHER` is run by all cores together, which is soonest. A larger one is cut into pieces that
    the cores fetch one by one: alone that is as fast, but where other work takes a core now and then, cores that run
    a layer together all wait for that one, and cores with pieces of their own do not (a fifth to a third faster).
    """

    name = "openvino"
    buckets = tuple(range(1, 9))

    def __init__(self, bundle: Bundle, cache: Path, threads: int, precision: str) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(converted(bundle, cache))
        size = bundle.manifest.network.input_size
        network.reshape([openvino.Dimension(1, self.buckets[-1]), size, size, 3])
        bf16 = precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # two workers on a machine would pin themselves to the same cores
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        together = core.compile_model(network, "CPU", {**options, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
        self.precision = str(together.get_property("INFERENCE_PRECISION_HINT").to_string())
        self._together: Any = together.create_infer_request()
        self._lanes: Any = None
        if threads > 1:
            apart = {**options, "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads}
            self._lanes = openvino.AsyncInferQueue(core.compile_model(network, "CPU", apart), threads)

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._lanes is None or len(batch) <= TOGETHER:
            self._together.infer([batch], share_inputs=True)
            return _output(self._together)
        batch = np.ascontiguousarray(batch)  # it stays until the lanes are through: they read its memory
        parts: dict[int, NDArray[np.float32]] = {}
        self._lanes.set_callback(lambda request, start: parts.update({start: _output(request)}))
        for start in range(0, len(batch), PIECE):
            self._lanes.start_async([batch[start : start + PIECE]], start, share_inputs=True)
        self._lanes.wait_all()
        return np.concatenate([parts[start] for start in sorted(parts)])

    def close(self) -> None:
        self._together = self._lanes = None


def _output(request: Any) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return probabilities


def write_graph(bundle_folder: Path, target: Path) -> None:
    """Converts a bundle to OpenVINO's format in `target`. Imports TensorFlow."""
    import openvino

    from models.tensorflow_engine import frozen

    function = frozen(Bundle.open(bundle_folder))
    with tempfile.NamedTemporaryFile(suffix=".pb") as graph:
        graph.write(function.graph.as_graph_def().SerializeToString())
        graph.flush()
        network = openvino.Core().read_model(graph.name)
    with replaced(target) as filling:
        openvino.save_model(network, filling / _GRAPH, compress_to_fp16=False)
        digests = {path.name: sha256(path) for path in filling.iterdir()}
        (filling / _DIGESTS).write_text(json.dumps(digests))


def converted(bundle: Bundle, cache: Path) -> Path:
    """The bundle's network in OpenVINO's format, converted now if the cache does not have it whole."""
    folder = cache / "engines" / bundle.version / f"openvino.{_RECIPE}"
    if not _is_whole(folder):
        build.in_child("openvino", str(bundle.folder), str(folder))
    return folder / _GRAPH


def _is_whole(folder: Path) -> bool:
    try:
        digests = json.loads((folder / _DIGESTS).read_text())
        return _GRAPH in digests and all(sha256(folder / name) == digest for name, digest in digests.items())
    except (OSError, ValueError):
        return False

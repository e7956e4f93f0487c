"""The OpenVINO engine: the bundle's network, converted once, kept in the cache, compiled for this CPU."""

import json
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import build_process
from models.bundle import Bundle
from models.engines.base import OnRoom, nobody
from models.storage import replaced, sha256

_RECIPE = 1  # raised when the conversion changes, so that what an older version left in a cache is not used
_GRAPH = "model.xml"
_DIGESTS = "sha256.json"


class OpenVINOEngine:
    """See `models.engines.base.Engine`. Two threads may call it at a time.

    Each core takes one picture after the other, of whatever batch comes next: on two cores that was as fast as all
    cores on a whole batch or faster, and where other work takes a core now and then, the other one waits for nobody.
    Networks are compiled for one picture, which is up to an eighth faster than for any number. A lone picture is run
    by all cores together, which is soonest, unless it is to take one core or others are running.
    """

    name = "openvino"
    buckets = (1, 8)

    def __init__(self, bundle: Bundle, cache: Path, threads: int, precision: str) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(converted(bundle, cache))
        size = bundle.manifest.network.input_size
        network.reshape([1, size, size, 3])
        bf16 = precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # two workers on a machine would pin themselves to the same cores
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        together = core.compile_model(network, "CPU", {**options, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
        apart = {**options, "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads}
        self.precision = str(together.get_property("INFERENCE_PRECISION_HINT").to_string())
        self._threads = threads
        self._together: Any = together.create_infer_request()
        self._apart: Any = core.compile_model(network, "CPU", apart) if threads > 1 else together
        self._idle: deque[Any] = deque()  # requests of `_apart`
        self._busy: deque[Any] = deque()  # batches that run apart

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = nobody, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        if len(batch) == 1 and not one_core and not self._busy:  # it leaves no room, so there never are two of them
            self._together.infer([batch], share_inputs=True)
            return _output(self._together)
        batch = np.ascontiguousarray(batch)
        self._busy.append(batch)
        try:
            return self._run_apart(batch, on_room)
        finally:
            self._busy.pop()

    def _run_apart(self, batch: NDArray[np.uint8], on_room: OnRoom) -> NDArray[np.float32]:
        requests = [self._request() for _ in batch]
        for place, request in enumerate(requests):  # they queue for a core, and read the batch where it lies
            request.start_async([batch[place : place + 1]], share_inputs=True)
        rows = []
        for place, request in enumerate(requests):
            if place == max(0, len(batch) - self._threads):  # all that is left is running
                on_room()
            request.wait()
            rows.append(_output(request))
            self._idle.append(request)
        return np.concatenate(rows)

    def _request(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._apart.create_infer_request()

    def close(self) -> None:
        self._together = self._apart = None
        self._idle.clear()


def _output(request: Any) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return probabilities


def write_graph(bundle_folder: Path, target: Path) -> None:
    """Converts a bundle to OpenVINO's format in `target`. Imports TensorFlow."""
    import openvino

    from models.engines.tensorflow import frozen

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
        build_process.in_child("openvino", str(bundle.folder), str(folder))
    return folder / _GRAPH


def _is_whole(folder: Path) -> bool:
    try:
        digests = json.loads((folder / _DIGESTS).read_text())
        return _GRAPH in digests and all(sha256(folder / name) == digest for name, digest in digests.items())
    except (OSError, ValueError):
        return False

"""The OpenVINO engine. It converts a bundle's network once, keeps it in the cache and compiles it for this CPU."""

import json
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import WEIGHTS, Bundle
from models.engines.base import EngineOptions, OnRoom, ignore_room
from models.processes.build import run_in_child
from models.runtime import check_tensorflow
from models.storage import CACHE, check_folder, replaced, sha256

_RECIPE = 1  # to be raised when the conversion changes, so that older files in a cache are not used
_GRAPH = "model.xml"
_DIGESTS = "sha256.json"


class OpenVINOEngine:
    """See `models.engines.base.Engine`. Two threads may call it at a time.

    Each core takes one picture after the other, from whichever batch comes next. On two cores this was as fast as
    running a whole batch on all cores, or faster; and when another process takes a core, the other core does not
    have to wait for it. The network is compiled for one picture, which is up to an eighth faster than compiling it
    for any number. A batch of one picture runs on all cores together, which gives the earliest answer, unless the
    caller asks for one core or other batches are running.
    """

    name = "openvino"
    buckets = (1, 8)

    def __init__(self, bundle: Bundle, options: EngineOptions) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(converted(bundle, options.cache))
        size = bundle.manifest.network.input_size
        network.reshape([1, size, size, 3])
        bf16 = options.precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        config = {
            "INFERENCE_NUM_THREADS": options.threads,
            "ENABLE_CPU_PINNING": False,  # two workers on a machine would pin themselves to the same cores
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        together = core.compile_model(network, "CPU", {**config, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
        apart = {**config, "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": options.threads}
        self.precision = str(together.get_property("INFERENCE_PRECISION_HINT").to_string())
        self._threads = options.threads
        self._together: Any = together.create_infer_request()
        self._apart: Any = core.compile_model(network, "CPU", apart) if options.threads > 1 else together
        self._idle: deque[Any] = deque()  # requests of `_apart`
        self._busy: deque[Any] = deque()  # batches that run on `_apart`

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        if len(batch) == 1 and not one_core and not self._busy:  # on_room is not called, so this runs by itself
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
        for place, request in enumerate(requests):  # each waits for a free core and reads the batch in place
            request.start_async([batch[place : place + 1]], share_inputs=True)
        rows = []
        for place, request in enumerate(requests):
            if place == max(0, len(batch) - self._threads):  # every picture that is left is running
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


def converted(bundle: Bundle, cache: Path) -> Path:
    """Returns the file of the bundle's network in OpenVINO's format, and converts it first if the cache lacks it.

    Raises BrokenBundle, runtime.TensorFlowMissing, BuildFailed and storage.Unwritable.
    """
    folder = cache / "engines" / bundle.version / f"openvino.{_RECIPE}"
    if not _is_complete(folder):
        check_tensorflow()
        check_folder(
            cache, CACHE, needed=2 * (bundle.folder / WEIGHTS).stat().st_size
        )  # TensorFlow's graph, and ours
        run_in_child(write_graph, bundle.folder, folder)
    return folder / _GRAPH


def write_graph(bundle_folder: Path, target: Path) -> None:
    """Converts a bundle to OpenVINO's format in the folder `target`. Imports TensorFlow."""
    import openvino

    from models.engines.tensorflow import frozen

    function = frozen(Bundle.open(bundle_folder))
    with replaced(target, CACHE) as filling:
        graph = filling / "graph.pb"
        graph.write_bytes(function.graph.as_graph_def().SerializeToString())
        network = openvino.Core().read_model(graph)
        try:
            openvino.save_model(network, filling / _GRAPH, compress_to_fp16=False)
            openvino.Core().read_model(filling / _GRAPH)  # what could not be written to the end cannot be read
        except RuntimeError as error:  # it gives no OSError on a full disk
            raise OSError(f"the network was not written completely: {error}") from error
        graph.unlink()
        digests = {path.name: sha256(path) for path in filling.iterdir()}
        (filling / _DIGESTS).write_text(json.dumps(digests))


def _is_complete(folder: Path) -> bool:
    try:
        digests = json.loads((folder / _DIGESTS).read_text())
        return _GRAPH in digests and all(sha256(folder / name) == digest for name, digest in digests.items())
    except (OSError, ValueError):
        return False

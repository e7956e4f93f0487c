"""What is built once and needs TensorFlow, each time in a process of its own.

TensorFlow takes seconds to import, most of a gigabyte, and the GIL while it does so. A worker that loads a model
while it serves another should feel none of that, nor keep it afterwards.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NICENESS = 10  # a tenth of the weight of those who answer frames meanwhile: still done, in time, on a busy machine


class BuildFailed(RuntimeError):
    """Something went wrong that is nobody's named error: a full disk, a crash. stderr has what was printed."""


def in_child(task: str, *arguments: str) -> None:
    """Runs `task` in a child process and raises here the named error that it ended with there."""
    # The child imports this very package, wherever the parent found it, and nothing from the current folder.
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    child = subprocess.run(  # noqa: S603  # our own module, no shell
        [sys.executable, "-P", "-m", "models.build_process", task, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if child.returncode == 0:
        return
    try:
        name, message = json.loads(child.stdout)
    except ValueError:
        raise BuildFailed(f"building {' '.join([task, *arguments])} ended with {child.returncode}") from None
    raise _named_errors()[name](message)


def main(arguments: Sequence[str]) -> int:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print, progress bars for one, is not the answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    task, *rest = arguments
    try:
        if task == "published":
            from models.weights import write_published

            write_published(rest[0], *map(Path, rest[1:]))
        else:
            from models.engines.openvino import write_graph

            write_graph(*map(Path, rest))
    except OSError as error:
        failure = BuildFailed.__name__, f"could not build {rest[-1]}: {error}"
    except tuple(_named_errors().values()) as error:
        failure = type(error).__name__, str(error)
    else:
        return 0
    with answer:
        json.dump(failure, answer)
    return 1


def _named_errors() -> dict[str, type[Exception]]:
    from models.bundle import BrokenBundle, UnusableWeights
    from models.checkpoint import RefusedPickle, UnreadableCheckpoint
    from models.weights import WeightsUnavailable

    errors = (BrokenBundle, BuildFailed, RefusedPickle, UnreadableCheckpoint, UnusableWeights, WeightsUnavailable)
    return {error.__name__: error for error in errors}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

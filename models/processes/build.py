"""Runs a function in a child process of low priority, for work that needs TensorFlow once.

TensorFlow takes seconds to import, uses most of a gigabyte of memory and holds the GIL meanwhile. A worker that loads
a model while it serves another must not be slowed down by that, and must not keep the memory.
"""

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from models.processes.last_error import why_it_ended

P = ParamSpec("P")

NICENESS = 10  # about a tenth of the CPU share of normal processes; on a busy machine the work still gets done


class BuildFailed(RuntimeError):
    """The process failed in an unexpected way, such as a crash. The notes of this exception hold its error output."""


def run_in_child(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Calls a module-level function in a child process and waits for it. The function's result is dropped.

    Raises the exception of the function if its class is defined in `models`, and BuildFailed for any other, or for a
    crash. Its notes have the child's traceback. What the child prints goes to stderr, if it succeeds.
    """
    # The child finds our packages where this process found them, and imports nothing from the current folder.
    path = [str(Path(__file__).parents[2]), *filter(None, sys.path)]
    child = subprocess.run(  # our own module, no shell
        [sys.executable, "-P", "-c", "from models.processes.build import main; main()"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        input=pickle.dumps((function, args, kwargs)),
        capture_output=True,
        check=False,
    )
    if child.returncode and child.stdout:
        raise pickle.loads(child.stdout)  # noqa: S301  # our own child wrote it
    printed = child.stderr.decode(errors="replace")
    if child.returncode:
        how = f"exit code {child.returncode}" if child.returncode > 0 else signal.Signals(-child.returncode).name
        failure = BuildFailed(
            f"{function.__qualname__}, in a process of its own, ended with {how}; "
            f"{why_it_ended(printed, child.returncode)}"
        )
        failure.add_note(printed)
        raise failure
    sys.stderr.write(printed)


def main() -> None:
    """Runs in the child: reads the call from stdin, makes it, and writes a known exception to stdout."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print, such as progress bars, goes to stderr
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches both processes: the parent says what it means
    function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301  # our own parent wrote it
    try:
        function(*args, **kwargs)
    except Exception as error:
        named = type(error).__module__.startswith("models.")
        what = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        failure = error if named else BuildFailed(f"{function.__qualname__} failed: {what}")
        failure.add_note(traceback.format_exc())
    else:
        return
    with answer:
        pickle.dump(failure, answer)
    sys.exit(1)

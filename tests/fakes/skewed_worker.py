"""A worker on a machine whose clock is wrong: ``python -m tests.fakes.skewed_worker SECONDS_AHEAD``."""

import runpy
import sys
import time


def main() -> None:
    """Run Faust with a clock that is so many seconds ahead."""
    ahead, real = float(sys.argv.pop(1)), time.time
    time.time = lambda: real() + ahead
    sys.argv = ["faust", "-A", "streams.worker", "worker", "-l", "info"]
    runpy.run_module("faust", run_name="__main__")


if __name__ == "__main__":
    main()

"""A worker on a machine whose clock is wrong: ``python -m tests.fakes.skewed_worker SECONDS_AHEAD``."""

import sys
import time


def main() -> None:
    """Run Faust with a clock that is so many seconds ahead."""
    ahead, real = float(sys.argv.pop(1)), time.time
    time.time = lambda: real() + ahead
    from faust.cli.faust import cli

    cli(["-A", "streams.worker", "worker", "-l", "info"], prog_name="faust")


if __name__ == "__main__":
    main()

"""Runs a Python module in a process whose clock is ahead, or behind if ``SECONDS`` is negative.

    python -m infra.loadtest.faults.shifted_clock SECONDS MODULE [ARGUMENT...]

``time.time`` is shifted, from which messages, tokens, and records of Kafka get their times. The clock that measures
durations is not: on machines whose clocks differ it is right, too.
"""

import runpy
import sys
import time


def shift(seconds: float) -> None:
    """Set the clock of this process ahead by ``seconds``."""
    true_s, true_ns = time.time, time.time_ns
    time.time = lambda: true_s() + seconds
    time.time_ns = lambda: true_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    _, ahead_s, module, *arguments = sys.argv
    shift(float(ahead_s))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

"""What ``faust -A streams.worker worker`` loads: the app with its agents, and how the process ends."""

import asyncio
import logging
import os
import signal
import sys
import threading
from types import TracebackType

import faust


def one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error whose class is ours, such as a wrong setting, on one line; any other with its traceback."""
    if kind.__module__.split(".")[0] in {"streams", "models"} and not os.environ.get("SIGHTSTREAM_DEBUG"):
        print("Error:", *str(error).split(), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = one_line  # before the imports: they read the settings

from streams import agents  # noqa: E402
from streams.app import app  # noqa: E402
from streams.health.ending import end  # noqa: E402
from streams.statistics import tracking  # noqa: E402

log = logging.getLogger(__name__)

STOP_S = 3.0  # for the answers under way, the offsets and the group; Kubernetes, for one, waits for 30 s


class Worker(faust.Worker):
    """Faust's worker, which ends soon after SIGTERM or SIGINT whatever Kafka does, and at once after a second one.

    Faust sends what waits to be sent and commits offsets, and it waits for Kafka as long as that takes. After
    ``STOP_S`` seconds the process ends all the same, with the exit code 0, after a crash 1: gateways give up what was
    not sent, and what was not committed comes again. After a second signal the code is 128 plus the signal's number.
    """

    async def stop(self) -> None:
        """Stop everything, after a signal or a crash."""
        deadline = threading.Timer(STOP_S, self._end_late)
        deadline.daemon = True
        deadline.start()
        await super().stop()

    def _schedule_shutdown(self, number: signal.Signals) -> None:
        if self._signal_stop_time:
            end(128 + number)
        super()._schedule_shutdown(number)

    def _end_late(self) -> None:
        log.warning("Kafka holds up the end of the worker for more than %.1f s: it ends now", STOP_S)
        end(1 if self.crashed else 0)


app.conf.Worker = Worker  # type: ignore[assignment]  # a setting takes values of its type

if sys.platform != "win32":
    import uvloop

    # set here, before the worker makes its event loops: to and from Kafka uvloop takes a fifth less CPU
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

# event loop, decoders and engine threads pass frames on: none may keep the GIL for Python's default of 5 ms
sys.setswitchinterval(0.001)

__all__ = ["agents", "app", "tracking"]

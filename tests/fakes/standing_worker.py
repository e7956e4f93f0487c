"""A worker whose consumer stands still while a file is there: ``python -m tests.fakes.standing_worker FILE``."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from faust.cli.faust import cli

from streams.health.liveness import Liveness
from streams.kafka.consumer import Consumer

STALLED_S, END_S = 4.0, 12.0


def main() -> None:
    """Run Faust with such a consumer, which does not get much time."""
    flag, read = Path(sys.argv.pop(1)), Consumer.getmany
    Liveness.__init__.__kwdefaults__.update(stalled_s=STALLED_S, end_s=END_S)  # type: ignore[union-attr]

    async def getmany(consumer: Consumer, timeout: float) -> AsyncIterator[tuple[Any, Any]]:
        while flag.exists():
            await asyncio.sleep(0.1)
        async for each in read(consumer, timeout):
            yield each

    Consumer.getmany = getmany  # type: ignore[assignment, method-assign]
    cli(["-A", "streams.worker", "worker", "-l", "info"], prog_name="faust")


if __name__ == "__main__":
    main()

"""What ``faust -A streams.worker worker`` loads: the app with its agents."""

import asyncio
import sys

from streams.contract.settings import BadSetting

try:
    from streams import agents, tracking
    from streams.app import app
except BadSetting as error:
    sys.exit(f"Error: {error}")

if sys.platform != "win32":
    import uvloop

    # set here, before the worker makes its event loops: to and from Kafka uvloop takes a fifth less CPU
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

# event loop, decoders and engine threads pass frames on: none may keep the GIL for Python's default of 5 ms
sys.setswitchinterval(0.001)

__all__ = ["agents", "app", "tracking"]

"""What ``faust -A streams.worker worker`` loads: the app with its agents."""

from streams import agents
from streams.app import app

__all__ = ["agents", "app"]

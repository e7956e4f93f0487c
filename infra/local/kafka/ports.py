"""The broker's two loopback ports, the same from one start to the next where they can be."""

import json
import random
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.configuration import HOST

# Below what Linux, macOS and Windows give to outgoing connections (32768 and up): a client that keeps reconnecting to
# a stopped broker could otherwise be given the broker's own port, connect to itself, and hold it.
_RANGE = range(20_000, 32_000)
_TRIES = 200


class PortInUse(Exception):
    """Something else listens on the port that was asked for."""


@dataclass(frozen=True)
class Ports:
    broker: int
    controller: int


def choose(folder: Path, wanted: int, avoid: Collection[int] = ()) -> Ports:
    """The ports for a start in `folder`, written there for the next one. `wanted` 0 leaves the broker's open.

    Raises PortInUse if `wanted` is taken, or if no port of the range is free.
    """
    former = _read(folder / "ports.json")
    if wanted and not is_free(wanted):
        raise PortInUse(
            f"port {wanted} on {HOST} is in use: stop what listens there, or choose another port (0: any)"
        )
    broker = wanted or _free(former.broker if former else 0, avoid)
    controller = _free(former.controller if former else 0, {*avoid, broker})
    ports = Ports(broker, controller)
    if ports != former:
        (folder / "ports.json").write_text(json.dumps({"broker": broker, "controller": controller}) + "\n")
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now; a closing connection's remains do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
        return True


def _free(former: int, avoid: Collection[int]) -> int:
    candidates = [former] if former in _RANGE else []
    candidates += random.SystemRandom().sample(_RANGE, _TRIES)
    for port in candidates:
        if port not in avoid and is_free(port):
            return port
    raise PortInUse(f"no free port between {_RANGE.start} and {_RANGE.stop} on {HOST}: name one that is free")


def _read(path: Path) -> Ports | None:
    try:
        known = json.loads(path.read_text())
        return Ports(int(known["broker"]), int(known["controller"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None

"""Free ports of this machine."""

import random
import socket
from collections.abc import Collection, Sequence
from itertools import islice

from infra.local.errors import StackError

LOOPBACK = "127.0.0.1"

# Lower than the ports that Linux, macOS and Windows give to outgoing connections (32768 and up). A client that keeps
# reconnecting to a stopped server could otherwise get the server's own port, connect to itself, and hold the port.
PORTS = range(20_000, 32_000)
TRIES = 200


class PortInUse(StackError):
    """A port cannot be used because something else listens on it."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now. Connections in TIME_WAIT do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
        return True


def free_ports(count: int, *, preferred: Sequence[int] = (), avoid: Collection[int] = ()) -> list[int]:
    """``count`` different free loopback ports of ``PORTS``: the ``preferred`` ones first, none of ``avoid``.

    Raises:
        PortInUse: there are not enough.
    """
    allowed = [port for port in preferred if port in PORTS]
    candidates = dict.fromkeys([*allowed, *random.SystemRandom().sample(PORTS, TRIES)])
    found = list(islice((port for port in candidates if port not in avoid and is_free(port)), count))
    if len(found) < count:
        raise PortInUse(
            f"{LOOPBACK} has too few free ports between {PORTS.start} and {PORTS.stop} ({count} needed): "
            "stop programs that listen there"
        )
    return found


def free_port(host: str, wanted: int) -> int:
    """``wanted``, or for 0 a free port of ``host`` that the operating system chooses.

    Raises:
        PortInUse: something else listens on ``wanted``.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise PortInUse(
                f"port {wanted} of {host} cannot be used ({error.strerror}): choose another one with --port"
            ) from error
        return int(probe.getsockname()[1])

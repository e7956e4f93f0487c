"""Free ports of this machine."""

import errno
import json
import random
import socket
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path

from infra.local.errors import StackError

LOOPBACK = "127.0.0.1"

# Lower than the ports that Linux, macOS and Windows give to outgoing connections (32768 and up). A client that keeps
# reconnecting to a stopped server could otherwise get the server's own port, connect to itself, and hold the port.
PORTS = range(20_000, 32_000)
TRIES = 200


class PortInUse(StackError):
    """A port cannot be used because something else listens on it."""


class NoSuchHost(StackError):
    """This machine has no such address."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on this port of ``host`` now. Connections in TIME_WAIT do not count."""
    try:
        return free_port(host, port) == port
    except PortInUse:
        return False


def free_ports(
    count: int, *, preferred: Sequence[int] = (), avoid: Collection[int] = (), host: str = LOOPBACK
) -> list[int]:
    """``count`` different free ports of ``PORTS``: the ``preferred`` ones first, none of ``avoid``.

    Raises:
        PortInUse: there are not enough.
    """
    allowed = [port for port in preferred if port in PORTS]
    candidates = dict.fromkeys([*allowed, *random.SystemRandom().sample(PORTS, TRIES)])
    found = list(islice((port for port in candidates if port not in avoid and is_free(port, host)), count))
    if len(found) < count:
        raise PortInUse(
            f"{host} has too few free ports between {PORTS.start} and {PORTS.stop} ({count} needed): "
            "stop programs that listen there"
        )
    return found


def kept_ports(
    file: Path, names: Sequence[str], *, host: str = LOOPBACK, avoid: Collection[int] = ()
) -> dict[str, int]:
    """A free port for each name, where possible the one that it had at the last start; ``file`` keeps them.

    Raises:
        PortInUse: there are too few free ports outside of ``avoid``.
        OSError: the file cannot be written.
    """
    former = _read(file)
    ports: dict[str, int] = {}
    for name in names:
        kept = {port for other, port in former.items() if other != name}
        [ports[name]] = free_ports(
            1, preferred=[former.get(name, 0)], avoid={*avoid, *kept, *ports.values()}, host=host
        )
    if former != former | ports:
        file.write_text(json.dumps(former | ports) + "\n")
    return ports


def _read(file: Path) -> dict[str, int]:
    try:
        stored = json.loads(file.read_text())
        return {str(name): int(port) for name, port in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def free_port(host: str, wanted: int) -> int:
    """``wanted``, or for 0 a port that the operating system chooses; it is free at every address of ``host``.

    Raises:
        NoSuchHost: ``host`` is no name or address of this machine.
        PortInUse: ``wanted`` cannot be listened on.
    """
    port, listens = wanted, False
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoSuchHost(f"the host {host} cannot be found ({error}): choose another one with --host") from error
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # as web servers do: [::] is then another address than 0.0.0.0
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address[0], port, *address[2:]))
                probe.listen()
                port, listens = int(probe.getsockname()[1]), True
        except OSError as error:
            if error.errno not in (
                errno.EADDRNOTAVAIL,
                errno.EAFNOSUPPORT,
            ):  # localhost may have an IPv6 address in vain
                raise PortInUse(
                    f"port {port} of {host} cannot be used ({error.strerror}): choose another one with --port"
                ) from error
    if not listens:
        raise NoSuchHost(f"{host} is no address of this machine: choose another one with --host")
    return port

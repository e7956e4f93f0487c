"""Under which names and addresses this machine is reached."""

import socket
from ipaddress import ip_address, ip_network

import psutil

from infra.local.ports import LOOPBACK
from streams.contract.addresses import checked_host

ALL_ADDRESSES = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - what to listen on, and then the address on loopback
ELSEWHERE = {  # of no machine: reserved for documentation by RFC 5737 and RFC 3849
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104
    "::": (socket.AF_INET6, "2001:db8::1"),
}
_UNIQUE_LOCAL = ip_network("fc00::/7")


def reachable(host: str) -> str:
    """Where this machine itself reaches a server that listens on ``host``."""
    return ALL_ADDRESSES.get(host, host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``; a name is looked up."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
    except (OSError, UnicodeError):
        return False


def own_names(host: str) -> list[str]:
    """The names and IP addresses for a certificate of a server that listens on ``host``, its main one first.

    Of IPv6 addresses only those of local networks (RFC 4193): the others change every day.
    """
    machine = socket.gethostname().lower()
    machines = [machine] if "." in machine else [machine, f"{machine}.local"]
    addresses = [
        str(each.address).partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for each in interface
        if each.family in (socket.AF_INET, socket.AF_INET6)
    ]
    addresses = [each for each in addresses if ":" not in each or ip_address(each) in _UNIQUE_LOCAL]
    names = [main_address(host), *machines, "localhost", *sorted(addresses), LOOPBACK, "::1"]
    return list(dict.fromkeys(each for each in names if _is_host(each)))


def main_address(host: str) -> str:
    """What to open on another machine for a server that listens on ``host``.

    For all addresses it is the one that this machine has in its local network, or its name if it has none.
    """
    if host not in ALL_ADDRESSES:
        return host.rstrip(".")
    family, elsewhere = ELSEWHERE[host]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # nothing is sent: it only chooses the interface
            return str(ip_address(probe.getsockname()[0]))
    except OSError:
        return socket.gethostname()


def _is_host(name: str) -> bool:
    try:
        return bool(checked_host(name))
    except ValueError:
        return False

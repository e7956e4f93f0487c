"""Addresses and what they are made of: hosts, ports, web origins and paths, checked and written in one form."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

HIGHEST_PORT = 65535
OWN_PATHS = {
    "/api",
    "/ca.crt",
    "/docs",
    "/healthz",
    "/manifest.webmanifest",
    "/metrics",
    "/ops",
    "/readyz",
    "/static",
    "/stats",
    "/ws",
}  # of the gateway
WEB_PORTS = {"http": 80, "https": 443}

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"  # of a host's name; names of containers have underscores
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?", re.IGNORECASE | re.ASCII)
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:]*)(?::([0-9]{1,5}))?")


def address(host: str, port: int | str) -> str:
    """HOST:PORT, as in a URL: an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def checked_host(host: str) -> str:
    """The name or IP address of a host, an IPv6 address without its brackets.

    Raises:
        ValueError: it is neither.
    """
    if _HOST_NAME.fullmatch(host) and len(host) <= 253:
        return host
    try:
        return str(IPv6Address(host[1:-1] if host.startswith("[") and host.endswith("]") else host))
    except ValueError:
        raise ValueError("must be the name or the IP address of a host, and nothing else") from None


def checked_broker(text: str) -> str:
    """The address HOST:PORT of a broker; the port is Kafka's usual one if it is left out.

    Raises:
        ValueError: the text is something else.
    """
    parts = _HOST_AND_PORT.fullmatch(text)
    try:
        if parts is None or not 0 < (port := int(parts[2] or 9092)) <= HIGHEST_PORT:
            raise ValueError("must be HOST:PORT")
        return address(checked_host(parts[1]), port)
    except ValueError:
        raise ValueError("must be HOST:PORT, such as kafka-1:9092 or [::1]:9092, without scheme and user") from None


class Origin(NamedTuple):
    """A web origin as RFC 6454 defines it: two are the same when all three parts are."""

    scheme: str
    host: str  # in lower case; an IPv6 address without brackets
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == WEB_PORTS[self.scheme] else f":{self.port}")

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """The origin in a text such as ``https://example.org`` or ``http://[::1]:8000/``.

        Raises:
            ValueError: the text is something else, such as ``null``, or has more than an origin in it.
        """
        if len(text) > 300:  # a host's name has at most 253 characters
            raise ValueError("is no origin")
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in WEB_PORTS or parts.path not in ("", "/") or set(text) & set("@?#\\"):
            raise ValueError("is no origin")
        host = IPv6Address(host).compressed if ":" in host else host.encode("idna").decode()
        if not re.fullmatch(r"[a-z0-9._:-]+", host):
            raise ValueError("is no origin")
        return cls(parts.scheme, host, WEB_PORTS[parts.scheme] if port is None else port)


def path_prefix(text: str) -> str:
    """A path such as ``/vision`` under which a proxy serves a gateway, without a slash at its end; empty for ``/``.

    Raises:
        ValueError: the text is no such path. Only letters, digits and ``. _ ~ @ + : -`` are allowed in it.
    """
    prefix = text.removesuffix("/")
    if prefix and (not re.fullmatch(r"(/[A-Za-z0-9._~@+:-]+){1,20}", prefix) or re.search(r"/\.\.?(/|$)", prefix)):
        raise ValueError("is no path such as /vision, of letters, digits and . _ ~ @ + : -")
    if prefix in OWN_PATHS:  # it could not be told whether a proxy has kept the path or stripped it
        raise ValueError("is an address of the gateway's own: use another path")
    return prefix

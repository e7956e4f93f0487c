"""What a proxy in front of the gateway changes: path, host, scheme and client of a request."""

import logging
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.contract.addresses import path_prefix

log = logging.getLogger(__name__)

FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix")
MAX_LOGGED = 20  # addresses whose headers are ignored
_HOST = re.compile(r"^[a-z]+://[^/?#]*")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class Proxies:
    """Middleware that gives a request the path, host, scheme and client that it had before the proxies.

    In its scope, ``path`` begins with ``root_path``, whether the proxy has kept that path or stripped it. A redirect
    names no host, because the gateway may not know the one that the browser sees. In the scope, ``forwarded_host``
    says whether a trusted proxy has named it.

    Args:
        root_path: the path under which a proxy serves the gateway, unless a header says otherwise.
        trusted: addresses and networks of the proxies whose headers are read; those of others are ignored.
    """

    def __init__(self, app: ASGIApp, root_path: str = "", trusted: Sequence[str] = ()) -> None:
        self.app = app
        self.root_path = root_path
        self.trusted = [ip_network(each, strict=False) for each in trusted]
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_without_host(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _HOST.match(location := headers.get("location", "")):
                    headers["location"] = "/" + _HOST.sub("", location).lstrip("/")
            await send(message)

        await self.app(self._as_sent(scope), receive, send_without_host)

    def _as_sent(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        sent = dict(scope)
        root_path = self.root_path
        if self._is_trusted(_address(peer)):
            root_path = _prefix(headers) or root_path
            sent["client"] = (self._client(headers) or peer, 0)
            if scheme := _SCHEMES.get(_first(headers, "x-forwarded-proto").lower()):
                sent["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")
            if host := _first(headers, "x-forwarded-host"):
                others = [(name, value) for name, value in scope["headers"] if name != b"host"]
                sent["forwarded_host"] = True
                sent["headers"] = [(b"host", host.encode("latin-1")), *others]
        elif names := [name for name in FORWARDED if name in headers]:
            self._log_ignored(peer, names)
        path = "/" + scope["path"].lstrip("/")
        is_kept = path == root_path or path.startswith(f"{root_path}/")
        sent["path"] = path if is_kept else root_path + path
        sent["root_path"] = root_path
        return sent

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in each for each in self.trusted)

    def _client(self, headers: Headers) -> str:
        """The last address that is no proxy's: what stands before it may be forged. Empty if there is none."""
        client = ""
        for hop in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            address = _address(hop.strip())
            if address is None:
                break
            client = str(address)
            if not self._is_trusted(address):
                break
        return client

    def _log_ignored(self, peer: str, names: Sequence[str]) -> None:
        if peer not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(peer)
            log.warning(
                "%s sent the header %s, which is ignored: if it is a proxy of yours, add it to "
                "SIGHTSTREAM_TRUSTED_PROXIES",
                peer or "a client without an address",
                " and ".join(names),
            )


def _first(headers: Headers, name: str) -> str:
    return headers.get(name, "").split(",")[0].strip()


def _prefix(headers: Headers) -> str:
    try:
        return path_prefix(headers.get("x-forwarded-prefix", "").strip())
    except ValueError:
        return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text such as ``192.0.2.1``, ``192.0.2.1:5000`` or ``[2001:db8::1]:5000``."""
    bare = re.sub(r"^\[(.*)\](:\d+)?$|^([\d.]+):\d+$", r"\1\3", text)
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

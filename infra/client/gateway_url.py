"""The address of a gateway's WebSocket, from any form in which people have the gateway's address."""

from urllib.parse import quote, urlsplit

from streams.contract.addresses import checked_host

SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
PATH = "/ws"


class BadUrl(ValueError):
    """The text is no address of a gateway."""


def websocket_url(text: str) -> str:
    """The WebSocket's URL for the address of a gateway or of its page, under a path prefix or not.

    ``https://example.org/vision/`` is ``wss://example.org/vision/ws``; ``[::1]:8000`` is ``ws://[::1]:8000/ws``.

    Raises:
        BadUrl: it is none.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme not in SCHEMES:
            raise ValueError(f"it must begin with http, https, ws or wss, not with {parts.scheme}")
        checked_host(parts.hostname or "")
        if parts.port == 0:
            raise ValueError("no server has port 0")
        if parts.query or parts.fragment:
            raise ValueError("leave out what follows the path")
    except ValueError as error:
        raise BadUrl(f"{text!r} is no address of a gateway: {error}; `sightstream up` prints one") from error
    prefix = parts.path.rstrip("/").removesuffix(PATH)
    path = quote(prefix + PATH, safe="/%:@!$&'()*+,;=~", errors="surrogateescape")
    return f"{SCHEMES[parts.scheme]}://{parts.netloc}{path}"

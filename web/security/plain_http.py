"""Plain HTTP where a server speaks TLS: people type an address without https://, and browsers then try http://."""

import re
import ssl
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from streams.contract.addresses import Origin

ADVICE = "This server speaks HTTPS: write https:// before its address.\n"
_PATH = re.compile(rb"/?([!-~]*) HTTP/")  # of "GET /" and "HEAD " TLS has taken five bytes
_HOST = re.compile(rb"^host:[ \t]*(\S{1,300})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)


class RedirectingContext(ssl.SSLContext):
    """A server's TLS context that answers a request without TLS with a redirect to the same host with TLS."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As in ``ssl.SSLContext``: event loops call it for each connection."""
        tls = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        if isinstance(tls, _Redirecting):
            tls.incoming, tls.outgoing = incoming, outgoing
        return tls


class _Redirecting(ssl.SSLObject):
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason != "HTTP_REQUEST":
                raise
            self.outgoing.write(answer_to(self.incoming.read()))
            raise ssl.SSLWantReadError from error  # the event loop sends what is outgoing, and the client then leaves


RedirectingContext.sslobject_class = _Redirecting


def answer_to(request: bytes) -> bytes:
    """The HTTP response to a request that came without TLS. ``request`` lacks its first 5 bytes, which TLS read."""
    status, location = HTTPStatus.BAD_REQUEST, ""
    host, path = _HOST.search(request), _PATH.match(request)
    if host and path:
        with suppress(ValueError):
            location = f"Location: {Origin.parse(f'https://{host[1].decode()}')}/{path[1].decode()}\r\n"
            status = HTTPStatus.TEMPORARY_REDIRECT
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{location}Content-Type: text/plain\r\n"
    return f"{head}Content-Length: {len(ADVICE)}\r\nConnection: close\r\n\r\n{ADVICE}".encode()

"""Which pages may open a WebSocket: a browser sends the origin of its page, and no page can forge it."""

import logging
from collections.abc import Sequence
from ipaddress import ip_address

from streams.contract.addresses import Origin

log = logging.getLogger(__name__)

MAX_LOGGED = 100  # refused origins, each on one line: a page that tries again and again fills no log


class Origins:
    """Allows pages of the gateway's own origin and of those in the settings, and programs, which send no origin."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = {Origin.parse(each) for each in allowed}
        self._logged: set[str] = set()

    def allows(self, text: str | None, host: str, secure: bool) -> bool:
        """Whether the page of this origin may connect. The first refusal of each origin is logged with what to set.

        Args:
            text: the header Origin; None if there is none.
            host: the header Host.
            secure: whether the connection is known to use TLS.
        """
        if text is None:
            return True
        try:
            origin = Origin.parse(text)
        except ValueError:
            self._log(text, "a page of %r may not connect: that is no address of a web server", text[:100])
            return False
        if origin in self.allowed or _is_own(origin, host, secure):
            return True
        self._log(
            str(origin),
            "a page of %s may not connect: this gateway was asked as %r. If a proxy replaced the header Host, let it "
            "pass on the browser's (nginx: proxy_set_header Host $http_host), or add %s to SIGHTSTREAM_ORIGINS",
            origin,
            host[:100],
            origin,
        )
        return False

    def seen_at(self, scheme: str, host: str, forwarded: bool = False) -> Origin | None:
        """The gateway's own origin, where it is sure that browsers see it there; None where the host may be anything.

        Args:
            scheme: of the request.
            host: the header Host, which whoever asks can choose.
            forwarded: whether a trusted proxy has named the host.
        """
        try:
            origin = Origin.parse(f"{scheme}://{host}")
        except ValueError:
            return None
        return origin if forwarded or origin in self.allowed or _is_literal(origin.host) else None

    def _log(self, origin: str, message: str, *arguments: object) -> None:
        if origin not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(origin)
            log.warning(message, *arguments)


def _is_literal(host: str) -> bool:
    """Whether the host is an address, or this machine: no name that somebody else may own."""
    try:
        return host == "localhost" or bool(ip_address(host))
    except ValueError:
        return False


def _is_own(origin: Origin, host: str, secure: bool) -> bool:
    # a proxy may have ended TLS without a word: so https is own, too, where the gateway knows only of http
    try:
        return origin == Origin.parse(f"{origin.scheme}://{host}") and not (secure and origin.scheme == "http")
    except ValueError:
        return False

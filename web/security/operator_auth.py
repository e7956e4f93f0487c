"""Who may look behind the scenes: whoever has the operator's token, as a bearer token or behind a cookie."""

import hashlib
import hmac
from ipaddress import ip_address

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request

COOKIE = "sightstream_operator"
COOKIE_S = 12 * 3600
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class OperatorAuth:
    """Checks the operator's token; without one, nobody is let in."""

    def __init__(self, token: str) -> None:
        self.token = token
        # the cookie is signed with the token: a new token ends all sign-ins, at every gateway that has it
        self._serializer = URLSafeTimedSerializer(token or "none", salt="operator")

    @property
    def is_open(self) -> bool:
        """Whether there is anything behind the door."""
        return bool(self.token)

    def accepts(self, token: str) -> bool:
        """Whether this is the operator's token; takes equally long however wrong it is."""
        return self.is_open and hmac.compare_digest(_digest(token), _digest(self.token))

    def cookie(self) -> str:
        """A cookie that lets its holder in for half a day."""
        return str(self._serializer.dumps("operator"))

    def lets_in(self, request: Request) -> bool:
        """Whether a request shows the token, or a cookie that was given for it."""
        if not self.is_open:
            return False
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.accepts(token.strip())
        try:
            self._serializer.loads(request.cookies.get(COOKIE, ""), max_age=COOKIE_S)
        except BadSignature:
            return False
        return True


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy that runs here."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()

"""Access for operators: with their token in a header, or with a cookie that was given for it."""

import hashlib
import hmac
from ipaddress import ip_address

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request

COOKIE = "sightstream_operator"
COOKIE_S = 12 * 3600
_OF_PROXIES = ("forwarded", "via", "x-forwarded-", "x-real-ip")  # so begin the names of headers that proxies add


class OperatorAuth:
    """Checks the operator's token. An empty token allows no request."""

    def __init__(self, token: str) -> None:
        self.token = token
        # the cookie is signed with the token: gateways with the same token accept it, a new token ends all sign-ins
        self._serializer = URLSafeTimedSerializer(token or "none", salt="operator")

    @property
    def enabled(self) -> bool:
        """Whether there is a token in the settings."""
        return bool(self.token)

    def is_token(self, token: str) -> bool:
        """Whether this is the operator's token. It takes equally long for every wrong one."""
        return self.enabled and hmac.compare_digest(_digest(token), _digest(self.token))

    def cookie(self) -> str:
        """The value of a new cookie, which allows requests for ``COOKIE_S`` seconds."""
        return str(self._serializer.dumps("operator"))

    def allows(self, request: Request) -> bool:
        """Whether a request carries the token as a bearer token, or a valid cookie."""
        if not self.enabled:
            return False
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(token.strip())
        try:
            self._serializer.loads(request.cookies.get(COOKIE, ""), max_age=COOKIE_S)
        except BadSignature:
            return False
        return True


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy that runs here."""
    if request.client is None or any(name.startswith(_OF_PROXIES) for name in request.headers):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()

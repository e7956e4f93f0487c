"""Session ids that cannot be guessed, and the signed tokens with which a browser returns to its session."""

import secrets

from itsdangerous import BadSignature, URLSafeTimedSerializer

MAX_AGE_S = 24 * 3600


class BadToken(ValueError):
    """A session token that this gateway did not sign, or signed too long ago."""


class Tokens:
    """Signs and checks session tokens with one secret. An empty secret is replaced by a random one."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret or secrets.token_hex(32), salt="session")

    def new_session(self) -> str:
        """A new session id of 128 random bits."""
        return secrets.token_urlsafe(16)

    def sign(self, session: str) -> str:
        """The token for ``session``."""
        return str(self._serializer.dumps(session))

    def session(self, token: str) -> str:
        """The session id in ``token``.

        Raises:
            BadToken: the signature is wrong or older than a day.
        """
        try:
            return str(self._serializer.loads(token, max_age=MAX_AGE_S))
        except BadSignature as error:
            raise BadToken("this session token is not valid (any more): reload the page for a new one") from error

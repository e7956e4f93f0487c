"""Canaries: the sessions by which gateways test the whole way of a frame.

A canary is answered like any other session. It has no statistics, and counts in no metric that does not say so.
"""

PREFIX = "canary-"


def canary_session(name: str) -> str:
    """The id of the canary session called ``name``."""
    return PREFIX + name


def canary_name(session: str) -> str:
    """The name of a canary session."""
    return session.removeprefix(PREFIX)


def is_canary(session: str) -> bool:
    """Whether a session id is that of a canary."""
    return session.startswith(PREFIX)

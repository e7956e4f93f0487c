"""Canaries: the sessions with which a gateway tests the whole pipeline.

A canary gets answers like any other session. It has no statistics, and only metrics about canaries count it.
"""

PREFIX = "canary-"


def canary_session(name: str) -> str:
    """The id of the canary session called ``name``."""
    return PREFIX + name


def canary_name(session: str) -> str:
    """The name of a canary session."""
    return session.removeprefix(PREFIX)


def is_canary(session: str) -> bool:
    """Whether a session is a canary."""
    return session.startswith(PREFIX)

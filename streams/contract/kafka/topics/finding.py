"""Something that is not as wanted in Kafka's topics."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum


class Harm(IntEnum):
    """What a finding means for gateways and workers."""

    UNKNOWN = 0  # something was not checked, or is good to know
    DIFFERS = 1  # they work, but not as wanted
    LOSES = 2  # they work, but messages can be lost
    STOPS = 3  # they cannot work

    @property
    def word(self) -> str:
        """The first word of a line about it."""
        return ("note", "warning", "error", "error")[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as wanted.

    ``topic`` is its name, or what else the finding is about. ``waiting_helps``: it can end without a change to a
    topic or to this process, as when somebody creates a topic that is missing.
    """

    topic: str
    found: str
    wanted: str
    advice: str
    harm: Harm
    waiting_helps: bool = False

    @property
    def difference(self) -> str:
        """The finding without the advice, which has addresses and names of users."""
        return f"{self.topic}: {self.found}; wanted: {self.wanted}"

    def __str__(self) -> str:
        return f"{self.difference}; {self.advice}"


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings, those that differ only in their topic as one."""
    topics: dict[Finding, list[str]] = {}
    for each in findings:
        topics.setdefault(replace(each, topic=""), []).append(each.topic)
    return [replace(each, topic=", ".join(names)) for each, names in topics.items()]


def counted(number: int, noun: str) -> str:
    """A number of things in words."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"

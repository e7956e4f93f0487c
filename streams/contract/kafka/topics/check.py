"""The check at the start of gateways and workers: they use the topics once these are as they need them."""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams.contract.kafka import adapt_clients
from streams.contract.kafka.connections import PatientClient
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.comparison import topic_findings
from streams.contract.kafka.topics.finding import Finding, Harm, grouped
from streams.contract.kafka.topics.state import find_state
from streams.contract.settings import Settings
from streams.contract.topics import Role, topic_specs

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class TopicsUnusable(Exception):
    """The topics are so that this process cannot work, and waiting does not help."""


class TopicCheck:
    """Looks at the topics until a process of this role can work with them, and logs once what is not as wanted.

    ``findings`` are those of the last look. ``usable`` is set when the process can work with them. Which rights are
    missing is said where they are needed.
    """

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.role = role
        self.findings: Sequence[Finding] = ()
        self.usable = asyncio.Event()
        self._said: set[Finding] = set()
        self._error = ""

    @property
    def why(self) -> str:
        """Why the process does not work with the topics; empty if it does, or if Kafka has not answered yet.

        It is for everybody, and so without the advice.
        """
        return "; ".join(each.difference for each in grouped(self._stopping()))

    async def until_usable(self, *, give_up: bool) -> None:
        """Wait until the process can work with the topics.

        Raises:
            TopicsUnusable: it cannot and waiting does not help, if it is to ``give_up`` then.
        """
        adapt_clients()
        started = time.monotonic()
        client = PatientClient(**connection_options(self.settings))
        try:
            await client.bootstrap()
            while True:
                await self._look(client)
                if give_up and (lasting := [each for each in self._stopping() if not each.waiting_helps]):
                    raise TopicsUnusable("; ".join(map(str, grouped(lasting))))
                self._say()
                if not self._stopping():
                    break
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await client.close()
        self.usable.set()
        if any(each.harm == Harm.STOPS for each in self._said):
            log.warning("Kafka's topics can be used now, after %.0f s", time.monotonic() - started)

    def _stopping(self) -> list[Finding]:
        return [each for each in self.findings if each.harm == Harm.STOPS]

    async def _look(self, client: PatientClient) -> None:
        """Look again, until Kafka answers."""
        specs = [each for each in topic_specs(self.settings) if self.role in {*each.readers, *each.writers}]
        while True:
            try:
                state = await find_state(client, specs)
            except (KafkaError, OSError) as error:
                if repr(error) != self._error:
                    self._error = repr(error)
                    log.warning("Kafka's topics cannot be looked at: %s; trying again", self._error)
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                self.findings = topic_findings(specs, state, {}, OperatorCommands(self.settings))
                return

    def _say(self) -> None:
        for each in grouped(each for each in self.findings if each not in self._said):
            waits = "; waiting for it" if each.harm == Harm.STOPS else ""
            level = logging.INFO if each.harm == Harm.UNKNOWN else logging.WARNING
            log.log(level, "Kafka's topics: %s%s", each, waits)
        self._said.update(self.findings)

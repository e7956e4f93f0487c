"""What an operator types to change something in Kafka, for advice."""

import shlex

from streams.contract.settings import Settings


class OperatorCommands:
    """Commands with the addresses and the user of the settings, most of them of Kafka's own tools.

    ``user`` is the user as Kafka names it, ``create`` creates the topics that are missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.user = f"User:{settings.kafka_user or 'ANONYMOUS'}"
        options = "" if settings.kafka_security == "PLAINTEXT" else " --command-config FILE"
        self.create = f"`sightstream topics --create --broker {','.join(settings.broker)}`"
        self._cluster = f"--bootstrap-server {','.join(settings.broker)}{options}"

    def delete(self, topic: str) -> str:
        """Delete a topic."""
        return f"`kafka-topics.sh {self._cluster} --delete --topic {topic}`"

    def configure(self, topic: str, name: str, value: str) -> str:
        """Change a setting of a topic."""
        return f"`kafka-configs.sh {self._cluster} --alter --topic {topic} --add-config {name}={value}`"

    def allow(self, right: str, kind: str, *names: str) -> str:
        """Give the user a right to things of a ``kind``, topic or group, or to the cluster."""
        user = shlex.quote(self.user)
        things = " ".join(f"--{kind} {name}" for name in names) or f"--{kind}"
        return f"`kafka-acls.sh {self._cluster} --add --allow-principal {user} --operation {right} {things}`"

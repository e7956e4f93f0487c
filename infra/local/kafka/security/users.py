"""The users of a local Kafka: a name, a password and the settings with which a process connects as this user.

Each has a folder of its own with a file for each setting, so that SIGHTSTREAM_SECRETS_DIR can name it.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.kafka.security.identity import Identity
from infra.local.kafka.security.listeners import MECHANISM
from infra.local.private_files import private_folder
from models.storage import write_file, writing
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rights import Right, rights
from streams.contract.settings import Settings, variable_of
from streams.contract.topics import Role

TLS_FOLDER = "tls"
USERS_FOLDER = "users"
PASSWORD = "kafka_password"  # noqa: S105 - the setting's name
PASSWORD_BYTES = 32
SHARED = ("partitions", "replication", "min_insync")  # what all processes of a stack have to know of its topics
# of a Kafka that every program of this machine may use
NOBODY = dict.fromkeys(("kafka_user", PASSWORD, "kafka_ca", "kafka_cert", "kafka_key"), "") | {
    "kafka_security": "PLAINTEXT"
}


class Users:
    """One user for each role.

    Args:
        folder: of Kafka; their folders and the brokers' certificate are made in it.
        settings: of the stack, which say what there is to have rights for.
        setting: the option or variable with which people name another folder.
    """

    def __init__(self, folder: Path, settings: Settings, setting: str) -> None:
        self.folder = folder / USERS_FOLDER
        self.identity = Identity(folder / TLS_FOLDER)
        self.shared = {name: str(getattr(settings, name)) for name in SHARED}
        self.rights: Mapping[str, Sequence[Right]] = {role: rights(role, settings) for role in Role}
        self.setting = setting

    def make_folders(self) -> None:
        """Make the folders, and the brokers' certificate.

        Raises:
            Unwritable: the files cannot be written.
        """
        for each in (self.folder.parent, self.folder, *(self.folder / role for role in Role)):
            with writing(each, self.setting):
                private_folder(each)
        self.identity.make(self.setting)

    def passwords(self) -> dict[str, str]:
        """The password of each user. One that is not there yet is made: who deletes the file gets a new one.

        Raises:
            Unwritable: the file cannot be written.
        """
        return {role: self._password(role) for role in Role}

    def settings(self, role: str, brokers: Sequence[str]) -> dict[str, str]:
        """The values of the settings with which a process connects as this user."""
        return NOBODY | {
            "broker": ",".join(brokers),
            "kafka_security": "SASL_SSL",
            "kafka_sasl": MECHANISM,
            "kafka_user": role,
            PASSWORD: self._password(role),
            "kafka_ca": str(self.identity.authority),
            **self.shared,
        }

    def connection(self, role: str, brokers: Sequence[str]) -> dict[str, Any]:
        """The arguments of one connection of this user."""
        options = connection_options(Settings().replace(**self.settings(role, brokers)))
        return {name: value for name, value in options.items() if name != "bootstrap_servers"}

    def write(self, brokers: Sequence[str]) -> None:
        """Write these settings for processes that are started by hand.

        Raises:
            Unwritable: a file cannot be written.
        """
        for role in Role:
            for name, value in self.settings(role, brokers).items():
                write_file(self._file(role, name), value.encode(), self.setting, mode=0o600)

    def _file(self, role: str, name: str) -> Path:
        return self.folder / role / variable_of(name).lower()

    def _password(self, role: str) -> str:
        path = self._file(role, PASSWORD)
        if not path.exists() or not path.read_text().strip():
            write_file(path, secrets.token_urlsafe(PASSWORD_BYTES).encode(), self.setting, mode=0o600)
        return path.read_text().strip()

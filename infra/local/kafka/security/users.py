"""The users of a local Kafka: a name, a password and the settings with which a process connects as this user.

Each has a folder of its own with a file for each setting, so that SIGHTSTREAM_SECRETS_DIR can name it.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

from infra.local.kafka.security.listeners import MECHANISM
from infra.local.private_files import private_folder
from models.storage import write_file, writing
from streams.contract.kafka.rights import RIGHTS
from streams.contract.settings import Settings, variable_of

ROLES = tuple(RIGHTS)
PASSWORD = "kafka_password"  # noqa: S105 - the setting's name
PASSWORD_BYTES = 32


class Users:
    """The users of the Kafka in a folder.

    Args:
        folder: where their folders are; made private.
        authority: the certificate with which they know the brokers, a PEM file.
        setting: the option or variable with which the user names another folder.
    """

    def __init__(self, folder: Path, authority: Path, setting: str) -> None:
        self.folder = folder
        self.authority = authority
        self.setting = setting

    def passwords(self) -> dict[str, str]:
        """The password of each user. One that is not there yet is made; who deletes the file gets a new one.

        Raises:
            Unwritable: the files cannot be written.
        """
        return {role: self._password(role) for role in ROLES}

    def settings(self, role: str, brokers: Sequence[str]) -> dict[str, str]:
        """The values of the settings with which a process connects as this user."""
        return {
            "broker": ",".join(brokers),
            "kafka_security": "SASL_SSL",
            "kafka_sasl": MECHANISM,
            "kafka_user": role,
            PASSWORD: self._password(role),
            "kafka_ca": str(self.authority),
        }

    def write(self, brokers: Sequence[str]) -> None:
        """Write these settings for processes that are started by hand.

        Raises:
            Unwritable: the files cannot be written.
        """
        for role in ROLES:
            for name, value in self.settings(role, brokers).items():
                if name != PASSWORD:
                    write_file(self._file(role, name), value.encode(), self.setting, mode=0o600)

    def _file(self, role: str, name: str) -> Path:
        return self.folder / role / variable_of(name).lower()

    def _password(self, role: str) -> str:
        path = self._file(role, PASSWORD)
        if not path.exists() or not path.read_text().strip():
            for folder in (self.folder, path.parent):
                with writing(folder, self.setting):
                    private_folder(folder)
            write_file(path, secrets.token_urlsafe(PASSWORD_BYTES).encode(), self.setting, mode=0o600)
        return path.read_text().strip()


def as_user(settings: Settings, values: dict[str, str]) -> Settings:
    """Settings of a process that connects as one of the users."""
    return settings.replace(**values)

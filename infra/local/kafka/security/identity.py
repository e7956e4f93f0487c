"""The certificate of the brokers, with which they and the stack know each other."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.security.listeners import AUTHORITY, CERTIFICATE, OWNER
from infra.local.own_certificate import PEER, own_certificate
from infra.local.ports import LOOPBACK

NAMES = (LOOPBACK, "localhost")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, and that of the authority that signed it, in a folder of their own."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The file that clients trust."""
        return self.folder / AUTHORITY

    def make(self, setting: str) -> None:
        """Make the files, or make them anew where that is due.

        Raises:
            Unwritable: they cannot be written; ``setting`` is what names another folder.
        """
        own_certificate(self.folder, NAMES, setting, owner=OWNER, usages=PEER)

    def seen_from(self, folder: Path) -> str:
        """The path from another folder, so that it has no letter that a properties file cannot have."""
        return os.path.relpath(self.folder, folder)

    def context(self) -> ssl.SSLContext:
        """With what the stack connects as a broker."""
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.folder / CERTIFICATE)
        return context

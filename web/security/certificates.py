"""The web server's certificate: checked before the server starts, and read again when its files change."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from web.security.plain_http import RedirectingContext

LOOK_EVERY_S = 10.0
AT = "%Y-%m-%d %H:%M UTC"

log = logging.getLogger(__name__)


class BadCertificate(ValueError):
    """A file of the certificate cannot be used. The message names it, and says what is wrong and what to do."""


class ServerCertificate:
    """The TLS context of a server. Its new connections have the newest sound certificate of the files.

    Args:
        certificate: PEM, the server's own certificate first, then those that lead to its authority.
        key: PEM, without a password; None if it is in the same file.

    Raises:
        BadCertificate: the files cannot be used.
    """

    def __init__(
        self, certificate: Path, key: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.certificate = certificate
        self.key = key or certificate
        self.now = now
        self._seen = self._stamps()
        self._check()
        self.context = RedirectingContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, self.key)

    async def follow_files(self) -> None:
        """Read the files again whenever they have changed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.read_again()  # in no other thread: a handshake between two changes of the context would fail

    def read_again(self) -> None:
        """Use the files for new connections if they have changed. If they cannot be used, the log says why."""
        if (stamps := self._stamps()) == self._seen:
            return
        self._seen = stamps
        try:
            self._check()
            self.context.load_cert_chain(self.certificate, self.key)
        except (BadCertificate, OSError) as error:  # an error of TLS is an OSError, too
            log.warning("the certificate stays as it was: %s", error)
            return
        log.info("new connections have the new certificate of %s", self.certificate)

    def _stamps(self) -> list[int]:
        return [_stamp(each) for each in (self.certificate, self.key)]

    def _check(self) -> None:
        certificate, *_ = read_certificates(self.certificate)
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if ends < self.now():
            raise BadCertificate(f"the certificate in {self.certificate} was valid until {ends:{AT}}: renew it")
        if begins > self.now():
            raise BadCertificate(
                f"the certificate in {self.certificate} is valid only from {begins:{AT}}: check this machine's clock"
            )
        _check_key(self.certificate, self.key)


def server_certificate(certificate: str, key: str, authority: str = "") -> ServerCertificate | None:
    """The certificate that the settings ``tls_cert`` and ``tls_key`` name; None if they are empty.

    Raises:
        BadCertificate: the files cannot be used, or only the key is named; or ``authority``, the setting ``tls_ca``,
            is no certificate.
    """
    if authority:
        read_certificates(Path(authority))
    if not certificate:
        if key:
            raise BadCertificate(f"{key} is a key without a certificate: name that, too, with --tls-cert")
        return None
    return ServerCertificate(Path(certificate), Path(key) if key else None)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, one or more.

    Raises:
        BadCertificate: there is none.
    """
    content = _read(path)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        why = "it has no certificate in PEM form"
        if b"PRIVATE KEY-----" in content:
            raise BadCertificate(f"{path} is no certificate: it has a private key; name the certificate's own file")
        advice = f"convert it, such as with `openssl x509 -inform der -in {path} -out cert.pem`"
        raise BadCertificate(f"{path} is no certificate: {why}; {advice}")
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise BadCertificate(f"{path} is no certificate: it is damaged; get it again") from error


def public_part(path: Path) -> bytes:
    """The certificates of a PEM file, in PEM: what everybody may have, whatever else is in it.

    Raises:
        BadCertificate: there is none.
    """
    return b"".join(each.public_bytes(Encoding.PEM) for each in read_certificates(path))


def names_of(certificate: x509.Certificate) -> list[str]:
    """The domain names, then the IP addresses, that a server's certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    domains, addresses = names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)
    return [*domains, *map(str, addresses)]


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _check_key(certificate: Path, key: Path) -> None:
    if b"PRIVATE KEY-----" not in _read(key):
        raise BadCertificate(f"{key} has no private key in PEM form: name the key's file with --tls-key")
    asked: list[bool] = []

    def no_password() -> str:
        asked.append(True)
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, no_password)
    except (ssl.SSLError, ValueError) as error:
        if asked:
            advice = f"remove it with `openssl pkey -in {key} -out key.pem`"
            raise BadCertificate(f"the key in {key} is protected by a password: {advice}") from error
        reason = getattr(error, "reason", None)
        if reason == "KEY_VALUES_MISMATCH":
            raise BadCertificate(
                f"the key in {key} belongs to another certificate than the one in {certificate}: "
                "name two files that were made together"
            ) from error
        why = f"they are damaged, or too weak ({reason or error})"
        raise BadCertificate(f"{certificate} and {key} cannot be used: {why}; get them again") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read ({error.strerror}): name a PEM file that can be") from error

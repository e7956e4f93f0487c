"""The server's certificate: what is said about files that cannot be used, and that new files are used at once."""

import logging
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from infra.client.trust import pinned
from infra.local.own_certificate import own_certificate
from tests.fakes.served_gateway import https_gateway
from web.security.certificates import BadCertificate, ServerCertificate, read_certificates, server_certificate

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def made(folder: Path, now: datetime = NOW) -> Path:
    """A sound certificate with its key in one file."""
    return own_certificate(folder, ["127.0.0.1"], "--data-dir", now).certificate


def key_of(certificate: Path, *, password: bytes = b"") -> bytes:
    key = serialization.load_pem_private_key(certificate.read_bytes(), None)
    protection = BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def without_key(certificate: Path) -> bytes:
    return certificate.read_bytes().partition(b"-----BEGIN PRIVATE")[0]


def missing(folder: Path) -> tuple[Path, Path | None]:
    return folder / "gone.pem", None


def a_folder(folder: Path) -> tuple[Path, Path | None]:
    return folder, None


def no_pem(folder: Path) -> tuple[Path, Path | None]:
    (folder / "cert.der").write_bytes(read_certificates(made(folder))[0].public_bytes(Encoding.DER))
    return folder / "cert.der", None


def exchanged(folder: Path) -> tuple[Path, Path | None]:
    certificate = made(folder)
    (folder / "key.pem").write_bytes(key_of(certificate))
    return folder / "key.pem", certificate


def damaged(folder: Path) -> tuple[Path, Path | None]:
    certificate = made(folder)
    certificate.write_bytes(certificate.read_bytes().replace(b"M", b"?"))
    return certificate, None


def no_key(folder: Path) -> tuple[Path, Path | None]:
    certificate = made(folder)
    certificate.write_bytes(without_key(certificate))
    return certificate, None


def key_of_another(folder: Path) -> tuple[Path, Path | None]:
    (folder / "key.pem").write_bytes(key_of(made(folder / "other")))
    return made(folder), folder / "key.pem"


def key_of_another_kind(folder: Path) -> tuple[Path, Path | None]:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return made(folder), folder / "key.pem"


def key_with_password(folder: Path) -> tuple[Path, Path | None]:
    certificate = made(folder)
    (folder / "key.pem").write_bytes(key_of(certificate, password=b"secret"))
    return certificate, folder / "key.pem"


def damaged_key(folder: Path) -> tuple[Path, Path | None]:
    certificate = made(folder)
    (folder / "key.pem").write_bytes(key_of(certificate).replace(b"\nM", b"\n??", 1))
    return certificate, folder / "key.pem"


def over(folder: Path) -> tuple[Path, Path | None]:
    return made(folder, NOW - timedelta(days=400)), None


def not_yet(folder: Path) -> tuple[Path, Path | None]:
    return made(folder, NOW + timedelta(days=3)), None


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (missing, "gone.pem cannot be read (No such file or directory)"),
        (a_folder, "cannot be read (Is a directory)"),
        (no_pem, "cert.der is no certificate: it has no certificate in PEM form; convert it"),
        (exchanged, "key.pem is no certificate: it has a private key; name the certificate's own file"),
        (damaged, "gateway.pem is no certificate: it is damaged"),
        (no_key, "gateway.pem has no private key in PEM form: name the key's file with --tls-key"),
        (key_of_another, "belongs to another certificate"),
        (key_of_another_kind, "belongs to another certificate"),
        (key_with_password, "is protected by a password: remove it with `openssl pkey -in"),
        (damaged_key, "key.pem cannot be used: they are damaged"),
        (over, "was valid until 2026-04-27 00:00 UTC: renew it"),
        (not_yet, "is valid only from 2026-06-03 00:00 UTC: check this machine's clock"),
    ],
)
def test_files_that_cannot_be_used_are_one_line_that_names_them(
    tmp_path: Path, files: Callable[[Path], tuple[Path, Path | None]], why: str
) -> None:
    with pytest.raises(BadCertificate) as error:
        ServerCertificate(*files(tmp_path), now=lambda: NOW)
    assert why in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    certificate = made(tmp_path, datetime.now(UTC))
    (tmp_path / "key.pem").write_bytes(key_of(certificate))
    (tmp_path / "cert.pem").write_bytes(without_key(certificate))
    assert server_certificate(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))


def test_no_certificate_is_plain_http_and_a_key_alone_is_an_error() -> None:
    assert server_certificate("", "") is None
    with pytest.raises(BadCertificate, match="a key without a certificate: name that, too, with --tls-cert"):
        server_certificate("", "key.pem")


def test_a_file_that_becomes_bad_changes_nothing_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = made(tmp_path)
    server = ServerCertificate(certificate, now=lambda: NOW)
    certificate.write_text("half a file")
    with caplog.at_level(logging.WARNING):
        server.read_again()
        server.read_again()
    [line] = caplog.messages
    assert line.startswith("the certificate stays as it was: ")


def test_new_connections_have_a_renewed_certificate_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.security.certificates.LOOK_EVERY_S", 0.05)

    def served() -> bytes | None:
        with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
            return trust.wrap_socket(plain).getpeercert(binary_form=True)

    with https_gateway(tmp_path, "127.0.0.1") as gateway:
        trust = pinned(gateway.own.authority)
        before = served()
        own_certificate(tmp_path, ["127.0.0.1", "10.0.0.7"], "--data-dir")
        end = time.monotonic() + 10
        while served() == before:
            assert time.monotonic() < end
            time.sleep(0.02)

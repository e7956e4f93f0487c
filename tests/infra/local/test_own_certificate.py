"""The certificate that a stack makes for itself."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from stat import S_IMODE

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from infra.local.own_certificate import own_certificate
from models.storage import Unwritable
from web.security.certificates import read_certificates

NAMES = ["192.168.1.23", "camera-box", "camera-box.local", "localhost", "127.0.0.1", "::1"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def verify(folder: Path, name: str, now: datetime = NOW) -> None:
    """As a browser that has installed the authority, with all the rules of RFC 5280."""
    server, authority = read_certificates(folder / "gateway.pem")
    subject: x509.DNSName | x509.IPAddress
    try:
        subject = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    PolicyBuilder().store(Store([authority])).time(now).build_server_verifier(subject).verify(server, [])


def test_a_browser_that_installed_the_authority_accepts_every_name_and_no_other(tmp_path: Path) -> None:
    own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    for name in NAMES:
        verify(tmp_path, name)
    for name in ("192.168.1.24", "example.org"):
        with pytest.raises(VerificationError):
            verify(tmp_path, name)


def test_openssl_accepts_it_also_where_it_has_addresses_alone(tmp_path: Path) -> None:
    own_certificate(tmp_path, ["127.0.0.1"], "--data-dir")
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "gateway.pem")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.getpeercert()


def test_the_authority_may_sign_for_private_addresses_and_own_names_only(tmp_path: Path) -> None:
    own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    [authority] = read_certificates(tmp_path / "ca.pem")
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    permitted = [str(each.value) for each in limits.value.permitted_subtrees or ()]
    assert {"192.168.0.0/16", "localhost", "local", "camera-box"} <= set(permitted)
    assert "0.0.0.0/0" not in permitted


def test_it_stays_the_same_while_nothing_changes(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    content = first.certificate.read_bytes()
    again = own_certificate(tmp_path, NAMES[:3], "--data-dir", NOW + timedelta(days=300))
    assert (first.is_new, again.is_new, again.fingerprint) == (True, False, first.fingerprint)
    assert first.certificate.read_bytes() == content


@pytest.mark.parametrize(
    ("names", "days"), [([*NAMES, "10.0.0.7"], 0), (NAMES, 340), (NAMES, 800)], ids=["address", "near", "over"]
)
def test_a_new_address_or_a_near_end_renews_it_and_keeps_the_authority(
    tmp_path: Path, names: list[str], days: int
) -> None:
    first = own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    later = NOW + timedelta(days=days)
    again = own_certificate(tmp_path, names, "--data-dir", later)
    assert (again.is_new, again.fingerprint) == (False, first.fingerprint)
    for name in names:
        verify(tmp_path, name, later + timedelta(days=29))


@pytest.mark.parametrize("name", ["203.0.113.5", "vision.example.org", "2001:db8::5"])
def test_a_name_that_the_authority_may_not_sign_for_gets_a_new_authority(tmp_path: Path, name: str) -> None:
    first = own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    again = own_certificate(tmp_path, [name, *NAMES], "--data-dir", NOW)
    assert again.is_new
    assert again.fingerprint != first.fingerprint
    verify(tmp_path, name)


def test_a_certificate_of_another_authority_is_made_again(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        own_certificate(tmp_path / folder, NAMES, "--data-dir", NOW)
    (tmp_path / "other" / "gateway.pem").replace(tmp_path / "one" / "gateway.pem")
    own_certificate(tmp_path / "one", NAMES, "--data-dir", NOW)
    verify(tmp_path / "one", NAMES[0])
    [authority] = read_certificates(tmp_path / "one" / "ca.pem")
    assert read_certificates(tmp_path / "one" / "gateway.pem")[1] == authority


@pytest.mark.parametrize("file", ["ca.pem", "ca.key", "gateway.pem"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense"])
def test_a_file_that_is_gone_or_damaged_is_made_again(tmp_path: Path, file: str, content: bytes | None) -> None:
    own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    own_certificate(tmp_path, NAMES, "--data-dir", NOW)
    verify(tmp_path, NAMES[0])


def test_only_the_owner_can_read_the_keys(tmp_path: Path) -> None:
    own_certificate(tmp_path / "tls", NAMES, "--data-dir", NOW)
    assert S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert {S_IMODE(each.stat().st_mode) for each in (tmp_path / "tls").iterdir()} == {0o600}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Unwritable, match="name another place with --data-dir"):
        own_certificate(tmp_path / "file" / "tls", NAMES, "--data-dir", NOW)

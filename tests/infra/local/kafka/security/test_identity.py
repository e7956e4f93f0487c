"""The brokers' certificate."""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.local.kafka.security.identity import Identity
from infra.local.kafka.security.listeners import CERTIFICATE


def test_it_is_for_servers_and_clients_and_for_this_machines_own_addresses(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "a folder, for us" / "tls")
    identity.make("--data-dir")
    shown = x509.load_pem_x509_certificate((identity.folder / CERTIFICATE).read_bytes())
    usages = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(each.value) for each in names} == {"127.0.0.1", "localhost"}
    assert shown.subject.rfc4514_string() == "CN=Sightstream broker"


def test_it_stays_the_same_and_is_for_its_owner_only(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "tls")
    identity.make("--data-dir")
    before = (identity.folder / CERTIFICATE).read_bytes()
    identity.make("--data-dir")
    assert (identity.folder / CERTIFICATE).read_bytes() == before
    assert [each.name for each in (identity.folder, *identity.folder.iterdir()) if each.stat().st_mode & 0o077] == []


def test_the_stack_checks_the_brokers_names_and_trusts_no_other_authority(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "tls")
    identity.make("--data-dir")
    context = identity.context()
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_its_path_in_the_settings_of_a_node_has_no_name_of_the_users_folders(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "é, =" / "kafka" / "tls")
    assert identity.seen_from(identity.folder.parent) == "tls"
    assert identity.seen_from(identity.folder.parent / "3") == "../tls"

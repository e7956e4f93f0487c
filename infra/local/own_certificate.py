"""A certificate that this machine makes for itself, so that browsers of other devices give their cameras.

A small authority (CA) of its own signs it. People may install the authority on their devices, so its certificate
limits it: it counts only for this machine's names and for private addresses.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.local.private_files import private_folder
from models.storage import write_file, writing
from web.security.certificates import names_of

CA_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)  # Apple accepts 825 days at most
RENEW_BEFORE_END = timedelta(days=30)
CLOCKS_DIFFER = timedelta(days=1)
PRIVATE_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
LOCAL_DOMAINS = ("localhost", "local")
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
PEER = (*SERVER, ExtendedKeyUsageOID.CLIENT_AUTH)  # Kafka's brokers show theirs to each other


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Its file (PEM, with its key and the authority's certificate), and the authority's certificate to install.

    ``fingerprint`` is the authority's SHA-256 in hex. ``is_new`` says whether the authority was made just now.
    """

    certificate: Path
    authority: Path
    fingerprint: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Signed:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        private = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())


def own_certificate(
    folder: Path,
    names: Sequence[str],
    setting: str,
    now: datetime | None = None,
    *,
    owner: str = "gateway",
    usages: Sequence[x509.ObjectIdentifier] = SERVER,
) -> OwnCertificate:
    """The certificate in ``folder`` for these names and IP addresses; its file is named like its ``owner``.

    It is made, or made anew, where there is none yet, where a name is missing in it, or where its end is near. The
    authority stays the same unless it may not sign for a name.

    Raises:
        Unwritable: the files cannot be written; ``setting`` is what names another folder.
    """
    now = now or datetime.now(UTC)
    with writing(folder, setting):
        private_folder(folder)
    authority_file, authority_key, server_file = folder / "ca.pem", folder / "ca.key", folder / f"{owner}.pem"
    authority = _read(authority_file, authority_key)
    is_new = authority is None or _ends_soon(authority.certificate, now, LIFE) or not _permits(authority, names)
    if authority is None or is_new:
        authority = _make_authority(names, now)
        write_file(authority_key, authority.key_pem, setting, mode=0o600)
        write_file(authority_file, authority.pem, setting, mode=0o600)
    server = _read(server_file, server_file)
    if (
        server is None
        or not _is_signed_by(server, authority)
        or _ends_soon(server.certificate, now)
        or not set(names) <= set(names_of(server.certificate))
    ):
        server = _make_server(authority, owner, names, usages, now)
        # in one file, which is replaced in one step: a gateway that runs reads it again
        write_file(server_file, server.pem + authority.pem + server.key_pem, setting, mode=0o600)
    fingerprint = authority.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return OwnCertificate(server_file, authority_file, fingerprint, is_new)


def subject_of(owner: str) -> str:
    """The common name in its certificate, with a space: one without is judged as a domain, which no limit permits."""
    return f"Sightstream {owner}"


def _read(certificate: Path, key: Path) -> _Signed | None:
    """None if a file is missing, damaged, or does not belong to the other."""
    try:
        signed = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != signed.public_key():
        return None
    return _Signed(signed, private)


def _ends_soon(certificate: x509.Certificate, now: datetime, life: timedelta = timedelta()) -> bool:
    return not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - life - RENEW_BEFORE_END


def _permits(authority: _Signed, names: Sequence[str]) -> bool:
    """Whether the authority may sign for all names."""
    limits = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    domains = [each.value for each in limits or () if isinstance(each, x509.DNSName)]
    networks = [ip_network(str(each.value)) for each in limits or () if isinstance(each, x509.IPAddress)]
    for name in names:
        try:
            number = ip_address(name)
        except ValueError:
            permitted = any(f".{name}".endswith(f".{domain}") for domain in domains)
        else:
            permitted = any(number in network for network in networks)
        if not permitted:
            return False
    return True


def _is_signed_by(server: _Signed, authority: _Signed) -> bool:
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _general_name(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _make_authority(names: Sequence[str], now: datetime) -> _Signed:
    subject = f"Sightstream on {socket.gethostname()[:40]}, {now:%Y-%m-%d}"
    key = ec.generate_private_key(ec.SECP256R1())
    networks = [x509.IPAddress(ip_network(each)) for each in PRIVATE_NETWORKS]
    private = [x509.DNSName(each) for each in LOCAL_DOMAINS] + networks
    own = [_general_name(each) for each in names]
    own = [x509.IPAddress(ip_network(each.value)) if isinstance(each, x509.IPAddress) else each for each in own]
    limits = x509.NameConstraints(list(dict.fromkeys([*private, *own])), None)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # signs only certificates
    builder = (
        _builder(key, subject, now, CA_LIFE)
        .issuer_name(_name(subject))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(limits, critical=True)
    )
    return _Signed(builder.sign(key, hashes.SHA256()), key)


def _make_server(
    authority: _Signed, owner: str, names: Sequence[str], usages: Sequence[x509.ObjectIdentifier], now: datetime
) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)  # digital signatures only
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _builder(key, subject_of(owner), now, LIFE)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(each) for each in names]), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    return _Signed(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: str, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

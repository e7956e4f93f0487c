"""The addresses of a stack's gateways: for programs on this machine, and for people."""

from collections.abc import Sequence
from pathlib import Path

from infra.local.own_addresses import main_address, reachable
from streams.contract.addresses import address
from streams.contract.settings import Settings
from web.security.certificates import names_of, read_certificates


def local_urls(settings: Settings, ports: Sequence[int]) -> list[str]:
    """Where programs on this machine reach the gateways that listen on these ports."""
    return _urls(settings, reachable(settings.host), ports)


def page_urls(settings: Settings, ports: Sequence[int], *, own_certificate: bool) -> list[str]:
    """What people open, also on other devices if the gateways listen for them.

    ``own_certificate``: the stack makes the certificate, with all names of this machine. In any other one there must
    be the name that people open.
    """
    host = main_address(settings.host)
    if settings.tls_cert and not own_certificate:
        names = names_of(read_certificates(Path(settings.tls_cert))[0])
        host = host if host in names else next((each for each in names if "*" not in each), host)
    return _urls(settings, host, ports)


def _urls(settings: Settings, host: str, ports: Sequence[int]) -> list[str]:
    scheme = "https" if settings.tls_cert else "http"
    return [f"{scheme}://{address(host, port)}" for port in ports]

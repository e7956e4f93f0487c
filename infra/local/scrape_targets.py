"""The files that tell Prometheus where a stack's processes answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from infra.local.ports import LOOPBACK
from models.storage import write_file
from web.security.certificates import names_of, public_part, read_certificates

TRUSTED = "gateway.pem"
JOB = "  - job_name: sightstream\n"
DEPLOYED = Path(__file__).parents[1] / "deploy" / "prometheus"
CONFIGURATION = ("alerts.yml", "prometheus.yml")  # the rules first: the other names them


class TargetGroup(TypedDict):
    """One entry of a ``file_sd_configs`` file."""

    targets: list[str]
    labels: dict[str, str]


def write_targets(
    folder: Path,
    gateways: Mapping[str, str],
    workers: Mapping[str, str],
    setting: str = "--data-dir",
    certificate: Path | None = None,
) -> Path:
    """Write Prometheus' ``file_sd_configs`` file and beside it its configuration and alert rules.

    Return the first one's path.

    Args:
        folder: the stack's data folder.
        gateways: HOST:PORT by the gateway's name.
        workers: HOST:PORT by the worker's name.
        setting: what names another data folder.
        certificate: the PEM file of gateways with TLS.

    Raises:
        Unwritable: the files cannot be written.
    """
    scheme = {"__scheme__": "https"} if certificate else {}
    groups = [
        *(_target_group(address, "gateway", name, scheme) for name, address in gateways.items()),
        *(_target_group(address, "worker", name, {}) for name, address in workers.items()),
    ]
    path = folder / "prometheus" / "targets.json"
    job = JOB
    if certificate:
        write_file(path.with_name(TRUSTED), public_part(certificate), setting)
        # Prometheus asks for a name, though it asks this machine itself
        known_as, *_ = *names_of(read_certificates(certificate)[0]), LOOPBACK
        job += f"    tls_config: {{ca_file: {TRUSTED}, server_name: {known_as.replace('*', 'any')}}}\n"
    # in one step each, because Prometheus may be reading them
    for name in CONFIGURATION:
        content = (DEPLOYED / name).read_text(encoding="utf-8").replace(JOB, job, 1)
        write_file(path.with_name(name), content.encode(), setting)
    write_file(path, f"{json.dumps(groups, indent=2)}\n".encode(), setting)
    return path


def _target_group(address: str, part: str, process: str, more_labels: Mapping[str, str]) -> TargetGroup:
    host, _, port = address.rpartition(":")
    if host in ("0.0.0.0", "[::]"):  # noqa: S104 - a process that listens on all addresses also answers on loopback
        host = LOOPBACK
    return {"targets": [f"{host}:{port}"], "labels": {"part": part, "process": process, **more_labels}}

"""Where Prometheus finds the processes of a stack."""

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.kafka.ports import PortInUse, is_free

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "prometheus" / "prometheus.yml"

# below the ports that outgoing connections get: one of those could take a worker's while it starts again
PORTS = range(20_000, 32_000)
TRIES = 200


def write_targets(folder: Path, gateway: str, workers: Mapping[str, str]) -> Path:
    """Write the file that Prometheus' ``file_sd_configs`` reads, its configuration beside it; say where it is.

    Args:
        gateway: HOST:PORT.
        workers: HOST:PORT by the worker's name.
    """
    groups = [_group(gateway, "gateway", "gateway"), *(_group(at, "worker", name) for name, at in workers.items())]
    path = folder / "prometheus" / "targets.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CONFIGURATION, path.with_name(CONFIGURATION.name))
    new = path.with_suffix(".new")
    new.write_text(json.dumps(groups, indent=2) + "\n")
    new.replace(path)  # Prometheus may be reading
    return path


def free_ports(number: int) -> list[int]:
    """So many loopback ports that nobody listens on now.

    Raises:
        PortInUse: there are not so many.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, TRIES):
        if len(found) == number:
            break
        if is_free(port):
            found.append(port)
    if len(found) < number:
        raise PortInUse(f"no {number} free ports between {PORTS.start} and {PORTS.stop} for the workers' metrics")
    return found


def _group(where: str, part: str, process: str) -> dict[str, Any]:
    host, _, port = where.rpartition(":")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - listens on all, and so on this one
    return {"targets": [f"{host}:{port}"], "labels": {"part": part, "process": process}}

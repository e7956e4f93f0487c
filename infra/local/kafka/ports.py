"""The broker's two loopback ports. A folder keeps its ports from one start to the next where they are still free."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local.ports import LOOPBACK, PortInUse, free_ports, is_free


@dataclass(frozen=True)
class Ports:
    broker: int
    controller: int


def choose(folder: Path, wanted: int, avoid: Collection[int] = ()) -> Ports:
    """The ports for a start in ``folder``, stored there for the next start. ``wanted`` is the broker's; 0: any.

    Raises:
        PortInUse: ``wanted`` is in use, or there are too few free ports.
    """
    if wanted and not is_free(wanted):
        raise PortInUse(
            f"port {wanted} on {LOOPBACK} is in use: stop what listens there, or choose another port (0: any)"
        )
    former = _read(folder / "ports.json")
    broker = wanted or free_ports(1, preferred=[former.broker], avoid=avoid)[0]
    [controller] = free_ports(1, preferred=[former.controller], avoid={*avoid, broker})
    ports = Ports(broker, controller)
    if ports != former:
        (folder / "ports.json").write_text(json.dumps(asdict(ports)) + "\n")
    return ports


def _read(path: Path) -> Ports:
    try:
        stored = json.loads(path.read_text())
        return Ports(int(stored["broker"]), int(stored["controller"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Ports(0, 0)

"""Free ports of this machine."""

import socket

from infra.local.kafka.ports import PortInUse


def free_port(host: str, wanted: int) -> int:
    """``wanted``, or any free port of ``host`` for 0.

    Raises:
        PortInUse: something else listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise PortInUse(
                f"port {wanted} of {host} cannot be used ({error.strerror}): choose one with --port"
            ) from error
        return int(probe.getsockname()[1])

"""Asks a broker, in a few bytes of the Kafka protocol, whether it serves."""

import asyncio
import contextlib
import struct
from collections.abc import Collection
from dataclasses import dataclass

from infra.local.kafka.configuration import HOST

_METADATA, _VERSION, _CORRELATION = 3, 2, 20_26
_CLIENT = b"sightstream-probe"
# Request header v1 (key, version, correlation id, client id) and an empty list of topics, after its length:
# https://kafka.apache.org/protocol
_BODY = struct.pack(f">hhih{len(_CLIENT)}si", _METADATA, _VERSION, _CORRELATION, len(_CLIENT), _CLIENT, 0)
_REQUEST = struct.pack(">i", len(_BODY)) + _BODY
_LONGEST = 65_536


@dataclass(frozen=True)
class Cluster:
    name: str
    ports: Collection[int]  # of the brokers that clients may use


async def serves(port: int, cluster: str, within: float = 1.0) -> bool:
    """Whether a broker of this cluster on this loopback port says that clients may use it, by this very port.

    A broker that runs but is not yet (or no longer) in its cluster leaves itself out, so this is more than an open
    port; another stack's broker has another cluster. Raises nothing.
    """
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_REQUEST)
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                if not 8 <= length <= _LONGEST:
                    return False
                answer = await reader.readexactly(length)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, EOFError):
        return False
    found = read_cluster(answer)
    return found is not None and found.name == cluster and port in found.ports


def read_cluster(answer: bytes) -> Cluster | None:
    """The cluster in a Metadata answer of version 2, without its length; None if it is not one."""
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(form, answer, at)
        at += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal at
        length = max(number(">h"), 0)  # -1 for none
        at += length
        return answer[at - length : at].decode("ascii", "replace")

    try:
        if number(">i") != _CORRELATION:
            return None
        ports = []
        for _ in range(number(">i")):
            number(">i")  # node id
            text()  # host
            ports.append(number(">i"))
            text()  # rack
        return Cluster(text(), ports)
    except struct.error:
        return None

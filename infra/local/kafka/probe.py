"""Checks with one request of the Kafka protocol whether a broker serves clients."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Collection
from dataclasses import dataclass

from infra.local.kafka.configuration import HOST

_METADATA, _VERSION, _CORRELATION_ID = 3, 2, 20_26
_CLIENT_ID = b"sightstream-probe"
# The length, then request header v1 (key, version, correlation id, client id) and an empty list of topics:
# https://kafka.apache.org/protocol
_BODY = struct.pack(f">hhih{len(_CLIENT_ID)}si", _METADATA, _VERSION, _CORRELATION_ID, len(_CLIENT_ID), _CLIENT_ID, 0)
_REQUEST = struct.pack(">i", len(_BODY)) + _BODY
_MAX_BYTES = 65_536


@dataclass(frozen=True)
class Cluster:
    """A cluster as one of its brokers describes it."""

    id: str
    ports: Collection[int]  # of the brokers that clients may use


async def serves(
    port: int,
    cluster_id: str,
    timeout: float = 1.0,  # noqa: ASYNC109
    context: ssl.SSLContext | None = None,
) -> bool:
    """Whether the broker on this loopback port belongs to the cluster and lists this port for clients.

    An open port is not enough: a broker that has not yet joined its cluster, or has left it, does not list itself,
    and the broker of another stack has another cluster id. A broker that does not answer within `timeout` seconds
    does not serve. With a ``context``, the port speaks TLS. Raises nothing.
    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
            try:
                writer.write(_REQUEST)
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                if not 8 <= length <= _MAX_BYTES:
                    return False
                response = await reader.readexactly(length)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, EOFError):
        return False
    found = read_cluster(response)
    return found is not None and found.id == cluster_id and port in found.ports


def read_cluster(response: bytes) -> Cluster | None:
    """The cluster in a Metadata response of version 2 (without its length), None if it is not such a response."""
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(form, response, at)
        at += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal at
        length = max(number(">h"), 0)  # -1 for none
        at += length
        return response[at - length : at].decode("ascii", "replace")

    try:
        if number(">i") != _CORRELATION_ID:
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

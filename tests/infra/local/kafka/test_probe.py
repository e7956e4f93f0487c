import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra.local.kafka.probe import Cluster, read_cluster, serves


def text(value: str | None) -> bytes:
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def metadata(cluster_id: str, ports: list[int], correlation: int) -> bytes:
    brokers = b"".join(
        struct.pack(">i", node) + text("127.0.0.1") + struct.pack(">i", port) + text("rack" if node else None)
        for node, port in enumerate(ports)
    )
    return struct.pack(">ii", correlation, len(ports)) + brokers + text(cluster_id) + struct.pack(">ii", 1, 0)


@asynccontextmanager
async def broker(cluster_id: str, lists_itself: bool) -> AsyncIterator[int]:
    """Answers one Metadata request of version 2 for each connection, as a broker of this cluster does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        key, version, correlation = struct.unpack_from(">hhi", await reader.readexactly(length))
        assert (key, version) == (3, 2)
        body = metadata(cluster_id, [port] if lists_itself else [], correlation)
        writer.write(struct.pack(">i", len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    async with server:
        yield port


async def test_broker_that_lists_itself_serves() -> None:
    async with broker("ours", lists_itself=True) as port:
        assert await serves(port, "ours")


async def test_broker_that_is_not_yet_in_its_cluster_does_not_serve() -> None:
    async with broker("ours", lists_itself=False) as port:
        assert not await serves(port, "ours")


async def test_broker_of_another_stack_on_this_port_does_not_count() -> None:
    async with broker("theirs", lists_itself=True) as port:
        assert not await serves(port, "ours")


async def test_closed_port_does_not_serve() -> None:
    async with broker("ours", lists_itself=True) as port:
        pass

    assert not await serves(port, "ours")


async def test_server_that_never_answers_does_not_serve() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        assert not await serves(server.sockets[0].getsockname()[1], "ours", timeout=0.05)


async def test_web_server_on_the_port_does_not_serve() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        assert not await serves(server.sockets[0].getsockname()[1], "ours")


def test_all_brokers_of_a_cluster_are_read() -> None:
    assert read_cluster(metadata("ours", [9092, 9093, 9094], 2026)) == Cluster("ours", [9092, 9093, 9094])


def test_truncated_response_is_no_cluster_or_has_another_id() -> None:
    whole = metadata("ours", [9092], 2026)
    id_ends = len(whole) - 8

    for length in range(id_ends):
        found = read_cluster(whole[:length])
        assert found is None or found.id != "ours"

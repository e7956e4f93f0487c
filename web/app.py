"""The gateway as an ASGI application: its routes, and the tasks that run as long as it does."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from streams.contract.clock import now_ms
from streams.contract.settings import Settings
from web import websocket
from web.canary import Canary
from web.hub import Hub
from web.kafka.broker import Broker
from web.kafka.stats_reader import StatsReader
from web.kafka.stats_store import StatsStore
from web.metrics import Metrics
from web.partitions import Partitions
from web.security.certificates import ServerCertificate
from web.security.connection_limit import ConnectionLimit
from web.security.headers import SecurityHeaders
from web.security.operator_auth import OperatorAuth
from web.security.origins import Origins
from web.security.proxies import Proxies
from web.security.tokens import Tokens
from web.state import GatewayState
from web.views import docs, ops, pages, static_files, stats

TICK_S = 0.25
SWEEP_S = 60.0


def create_app(
    settings: Settings,
    broker_type: type[Broker] = Broker,
    reader_type: type[StatsReader] = StatsReader,
    certificate: ServerCertificate | None = None,
) -> Starlette:
    """A gateway with these settings. It connects to Kafka when the application starts.

    The server that runs it uses the ``certificate``, whose files are followed as long as the application runs.
    """
    # a gateway also reads the outcomes of its predecessor's canary frames, so each start has its own name
    name = f"{socket.gethostname()}-{settings.port}-{secrets.token_hex(4)}"
    partitions, metrics = Partitions(settings.partitions, name), Metrics()
    hub = Hub(
        settings,
        lambda message: broker.post(message),
        now_ms=now_ms,
        metrics=metrics,
        partitions=partitions,
        recall=lambda session: broker.recall(session),
    )
    broker = broker_type(
        settings,
        partitions,
        hub.settle,
        hub.note_worker,
        pool_of=hub.pool_of,
        is_here=lambda session: hub.find(session) is not None,
        now_ms=now_ms,
        on_rejected=hub.note_rejected,
        note_read=metrics.count_read,
    )
    stats_store = StatsStore(settings.stats_keep_s * 1000)
    state = GatewayState(
        settings=settings,
        hub=hub,
        broker=broker,
        canary=Canary(hub, name),
        connection_limit=ConnectionLimit(settings.max_sockets, settings.max_sockets_per_address),
        operator_auth=OperatorAuth(settings.operator_token),
        origins=Origins(settings.origins),
        stats_store=stats_store,
        stats_reader=reader_type(settings, stats_store, partitions.of, hub.note_rejected, metrics.count_read),
        tokens=Tokens(settings.secret),
    )
    connect_gauges(state)
    hub.metrics.clock_ahead.read = lambda: broker.clock.ahead_s

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        works = [broker.run(), state.canary.run(), tick(hub), sweep(state)]
        if settings.statistics == "on":
            works.append(state.stats_reader.run())
        if certificate:
            works.append(certificate.follow_files())
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in works]
            yield
            for task in running:
                task.cancel()

    app = Starlette(
        routes=[
            WebSocketRoute("/ws", websocket.stream),
            *pages.routes,
            *stats.routes,
            *ops.routes,
            *docs.routes,
            *static_files.routes,
        ],
        middleware=[
            Middleware(Proxies, root_path=settings.root_path, trusted=settings.trusted_proxies),
            Middleware(SecurityHeaders),
        ],
        lifespan=lifespan,
    )
    app.state.gateway = state
    return app


def connect_gauges(state: GatewayState) -> None:
    """Say where each gauge is read at a scrape."""
    hub, canary, metrics = state.hub, state.canary, state.hub.metrics
    metrics.sessions.read = lambda: state.connected
    metrics.sockets.read = lambda: len(state.connection_limit)
    metrics.unanswered.read = lambda: state.unanswered
    metrics.workers.read = lambda: len(hub.workers())
    metrics.ready.read = lambda: canary.ready
    metrics.canary_round_trip.read = lambda: canary.last.took_ms / 1000 if canary.last else None


async def tick(hub: Hub) -> None:
    """Let the hub expire what is too old, four times a second."""
    while True:
        hub.tick()
        await asyncio.sleep(TICK_S)


async def sweep(state: GatewayState) -> None:
    """Remove old statistics, and old outcomes of sessions that did not come here, once a minute."""
    while True:
        await asyncio.sleep(SWEEP_S)
        now = state.hub.now_ms()
        state.stats_store.sweep(now)
        state.broker.others.sweep(now)

"""The gateway: its routes, and what lives as long as it does."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from streams.contract.clock import now_ms
from streams.contract.settings import Settings
from web import STATIC, websocket
from web.broker import Broker
from web.canary import Canary
from web.hub import Hub
from web.security.connection_limit import ConnectionLimit
from web.security.headers import SafeHeaders
from web.security.operator_auth import OperatorAuth
from web.security.tokens import Tokens
from web.stats_reader import SWEEP_S, StatsReader, StatsStore
from web.views import ops, stats

TICK_S = 0.25


def create_app(
    settings: Settings, broker_type: type[Broker] = Broker, reader_type: type[StatsReader] = StatsReader
) -> Starlette:
    """A gateway of its own, which connects to Kafka when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        hub = Hub(settings, lambda message: broker.post(message), now_ms=now_ms)
        broker = broker_type(settings, hub.settle, hub.note_worker, now_ms=now_ms)
        app.state.hub = hub
        # a name of its own at every start: a gateway reads what became of its predecessor's canaries, too
        app.state.canary = Canary(hub, f"{socket.gethostname()}-{secrets.token_hex(4)}")
        hub.metrics.look = lambda: ops.look(app.state)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(broker.run()),
                tasks.create_task(app.state.canary.run()),
                tasks.create_task(tick(hub)),
                tasks.create_task(sweep(app.state.archive, hub)),
            ]
            if settings.statistics == "on":
                running.append(tasks.create_task(reader_type(settings, app.state.archive).run()))
            yield
            for task in running:
                task.cancel()

    app = Starlette(
        routes=[
            Route("/", websocket.page),
            WebSocketRoute("/ws", websocket.stream),
            Route("/healthz", websocket.healthz),
            Route("/readyz", websocket.readyz),
            *stats.routes,
            *ops.routes,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(SafeHeaders)],
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.door = ConnectionLimit(settings.max_sockets, settings.max_sockets_per_address)
    app.state.guard = OperatorAuth(settings.operator_token)
    app.state.archive = StatsStore(settings.stats_keep_s * 1000)
    app.state.tokens = Tokens(settings.secret)
    return app


async def tick(hub: Hub) -> None:
    """Let the hub look at the clock, again and again."""
    while True:
        hub.tick()
        await asyncio.sleep(TICK_S)


async def sweep(archive: StatsStore, hub: Hub) -> None:
    """Let the archive look at the clock, now and then."""
    while True:
        await asyncio.sleep(SWEEP_S)
        archive.sweep(hub.now_ms())

"""Kafka and worker as one small object that answers every frame at once."""

import asyncio
import time
from typing import Any

from starlette.testclient import TestClient

from streams.contract.clock import now_ms
from streams.contract.messages import Frame, Label, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome, Stage
from web.kafka.broker import Broker
from web.kafka.stats_reader import StatsReader
from web.state import GatewayState


class InstantBroker(Broker):
    """Answers each frame with a label that is its session's id; a picture with the bytes ``wait`` gets none."""

    heard_at: float | None = None

    @property
    def read_at(self) -> float | None:
        return self.heard_at

    async def run(self) -> None:
        while True:
            self.heard_at = self.now_ms()
            self.on_worker(WorkerStatus(worker="w", at=self.now_ms(), models=[ServedModel("net", "1", 224)]))
            await asyncio.sleep(1)

    def post(self, message: Frame | Prediction) -> None:
        if isinstance(message, Prediction):
            asyncio.get_running_loop().call_soon(self.on_prediction, message)
        elif b"wait" not in message.jpeg:
            asyncio.get_running_loop().call_soon(self.on_prediction, answer(message))


class EmptyStatsReader(StatsReader):
    """Reads nothing from Kafka. Its store counts as complete, and tests write into it directly."""

    @property
    def read_at(self) -> float:
        return now_ms()

    def is_complete(self, _: str) -> bool:
        return True

    async def run(self) -> None:
        await asyncio.Event().wait()


def answer(frame: Frame) -> Prediction:
    label: Any = Label(0, frame.session, 0.9)
    return Prediction(
        session=frame.session,
        seq=frame.seq,
        outcome=Outcome.ANSWERED,
        stage=Stage.WORKER,
        labels=[label],
        model="net",
        version="1",
        input_size=224,
    )


def state_of(client: TestClient) -> GatewayState:
    """The state of the gateway that this client asks."""
    app: Any = client.app
    state: GatewayState = app.state.gateway
    return state


def until_readyz_returns(status: int, client: TestClient) -> None:
    """Wait until ``/readyz`` returns ``status``; at most five seconds."""
    end = time.monotonic() + 5
    while client.get("/readyz").status_code != status:
        assert time.monotonic() < end, f"/readyz did not return {status} within 5 s"
        time.sleep(0.01)

"""The metrics of a real stack's processes agree with what the clients counted."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, total
from infra.client.media_source import MediaFrame, PresentView
from infra.local.readiness import PICTURE
from streams.contract.outcomes import Outcome
from tests.running_stack import OPERATOR_TOKEN, RunningStack, running_stack

pytestmark = pytest.mark.broker

Read = dict[tuple[str, frozenset[tuple[str, str]]], float]


def targets(stack: RunningStack) -> dict[str, str]:
    groups = json.loads((stack.folder / "prometheus" / "targets.json").read_text())
    return {each["labels"]["process"]: each["targets"][0] for each in groups}


def read(where: str) -> Read:
    response = httpx2.get(f"http://{where}/metrics")
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("sightstream_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def summed(read: Read, name: str, by: str = "") -> Counter[str]:
    found: Counter[str] = Counter()
    for (each, labels), value in read.items():
        if each == name:
            found[dict(labels).get(by, "")] += int(value)
    return found


def until_settled(where: str) -> Read:
    """The gateway's metrics once every frame has its outcome."""
    for _ in range(200):
        if summed(now := read(where), "gateway_unanswered_frames")[""] == 0:
            return now
        time.sleep(0.05)
    raise AssertionError("frames without an outcome after 10 s")


async def overload(stack: RunningStack, sessions: int, seconds: float) -> FrameCounts:
    """Some sessions that send far more than their credits allow, so that frames are dropped."""

    async def frames(view: PresentView) -> AsyncIterator[MediaFrame]:
        while True:
            yield MediaFrame(PICTURE, PICTURE.read_bytes())

    clients = [Client(stack.websocket, frames, fps=60.0, heeds_credits=False) for _ in range(sessions)]
    await asyncio.gather(*(each.run(seconds) for each in clients))
    return total([each.counts for each in clients])


@pytest.fixture(scope="module")
def counted(stack: RunningStack) -> Iterator[tuple[FrameCounts, Read, Read, Read, Read]]:
    """What clients counted, and the metrics of gateway and worker before and after."""
    gateway, worker = targets(stack)["gateway-1"], targets(stack)["worker-1"]
    before, worker_before = until_settled(gateway), read(worker)
    counts = asyncio.run(overload(stack, 3, 4.0))
    yield counts, before, until_settled(gateway), worker_before, read(worker)


def test_the_gateway_counts_what_the_clients_count(counted: tuple[FrameCounts, Read, Read, Read, Read]) -> None:
    counts, before, after, *_ = counted
    assert counts.answered > 0
    assert counts.dropped[Outcome.SUPERSEDED] > 20

    def gained(name: str, by: str = "") -> Counter[str]:
        return summed(after, f"gateway_{name}", by) - summed(before, f"gateway_{name}", by)

    assert gained("frames_received_total")[""] == counts.sent
    assert gained("answers_delivered_total")[""] == counts.answered
    assert gained("drops_total", "reason") == counts.dropped
    assert gained("expired_total")[""] == counts.expired
    for hop in ("received", "queued", "decoded", "classified", "published"):
        assert gained("hop_seconds_count", "hop")[hop] == counts.answered
    # the last round trips would travel with frames that are never sent
    assert 0 < gained("round_trip_seconds_count")[""] <= counts.answered


def test_the_worker_counts_what_the_clients_count(counted: tuple[FrameCounts, Read, Read, Read, Read]) -> None:
    counts, gateway_before, gateway_after, before, after = counted

    def gained(name: str, by: str = "") -> Counter[str]:
        return summed(after, f"worker_{name}", by) - summed(before, f"worker_{name}", by)

    stage = summed(gateway_after, "gateway_drops_total", "stage") - summed(
        gateway_before, "gateway_drops_total", "stage"
    )
    assert gained("answers_total")[""] == counts.answered
    assert sum(gained("drops_total", "reason").values()) == stage["worker"]
    assert gained("batch_size_sum")[""] >= counts.answered  # canaries too
    assert gained("batch_size_count") == gained("batch_seconds_count")
    assert gained("queue_age_seconds_count") == gained("batch_size_sum")


def test_a_worker_exports_its_models_and_partitions(stack: RunningStack) -> None:
    exported = read(targets(stack)["worker-1"])
    served = {dict(labels)["model"]: dict(labels) for name, labels in exported if name == "worker_model_info"}
    assert served.keys() == {"efficientnet_lite2", "efficientnet_lite0"}
    assert all(each["version"] and each["engine"] == "openvino" and each["precision"] for each in served.values())
    lag = {dict(labels)["partition"] for name, labels in exported if name == "worker_partition_lag_frames"}
    assert lag == {"0", "1", "2", "3"}


def test_only_the_operator_sees_the_worker(stack: RunningStack) -> None:
    assert httpx2.get(f"{stack.url}/api/ops").status_code == 401
    report = httpx2.get(f"{stack.url}/api/ops", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"}).json()
    [worker] = report["workers"]
    assert worker["lag"].keys() == {"0", "1", "2", "3"}
    assert [each["name"] for each in worker["models"]] == ["efficientnet_lite2", "efficientnet_lite0"]
    assert report["ready"]


def test_metrics_through_a_proxy_need_the_token(stack: RunningStack) -> None:
    proxied = {"X-Forwarded-For": "192.0.2.1"}
    assert httpx2.get(f"{stack.url}/metrics", headers=proxied).status_code == 401
    authorized = {**proxied, "Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert httpx2.get(f"{stack.url}/metrics", headers=authorized).status_code == 200


def test_a_second_worker_takes_half_of_the_partitions_of_a_stack_at_work_and_answers(tmp_path: Path) -> None:
    options = ("--model", "efficientnet_lite0", "--workers", "2")
    with running_stack(tmp_path, *options, operator_token=OPERATOR_TOKEN, log="json") as stack:

        async def frames(view: PresentView) -> AsyncIterator[MediaFrame]:
            while True:
                yield MediaFrame(PICTURE, PICTURE.read_bytes())

        def workers() -> list[dict[str, Any]]:
            authorized = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
            rows: list[dict[str, Any]] = httpx2.get(f"{stack.url}/api/ops", headers=authorized).json()["workers"]
            return rows

        async def until_both_answer() -> list[dict[str, Any]]:
            clients = [Client(stack.websocket, frames, fps=2.0) for _ in range(8)]
            running = [asyncio.create_task(each.run()) for each in clients]
            try:
                async with asyncio.timeout(90):
                    while True:
                        rows = await asyncio.to_thread(workers)
                        if len(rows) == 2 and all(each["fps"] > 0 and len(each["lag"]) == 2 for each in rows):
                            return rows
                        await asyncio.sleep(0.5)
            finally:
                for each in clients:
                    each.finish()
                await asyncio.gather(*running)

        one, other = asyncio.run(until_both_answer())
        assert {*one["lag"], *other["lag"]} == {"0", "1", "2", "3"}
        for name, where in targets(stack).items():
            assert read(where), name
        for log in (stack.folder / "logs").glob("*.log"):
            lines = [json.loads(line) for line in log.read_text().splitlines()]  # nothing else is in there
            assert all(line["message"] and line["level"] for line in lines)

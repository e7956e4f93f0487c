"""The messages that wait for a browser which reads slowly."""

import asyncio

import pytest

from streams.contract.messages import ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from web.hub import OUTBOX_SIZE, Hub, Outbox
from web.messages import Dropped, Label, Labels, ModelInfo, Models, Pong, Welcome

NAMES = ("cat", "dog", "fox")


def labels(seq: int) -> Labels:
    return Labels(seq, [Label(i, name, 0.3) for i, name in enumerate(NAMES)], "net", "1", 224, {})


async def read_labels(outbox: Outbox) -> tuple[int, list[str]]:
    message = await outbox.get()
    assert isinstance(message, Labels)
    return message.seq, [each.label for each in message.labels]


async def test_messages_keep_their_order() -> None:
    outbox = Outbox("")
    drops = [Dropped(seq, Outcome.STALE, Stage.WORKER) for seq in (1, 2)]
    for drop in drops:
        outbox.put(drop)
    assert [await outbox.get() for _ in drops] == drops


async def test_of_labels_that_wait_only_the_newest_are_whole() -> None:
    outbox = Outbox("")
    for seq in (1, 2, 3):
        outbox.put(labels(seq))
    assert [await read_labels(outbox) for _ in range(3)] == [(1, ["cat"]), (2, ["cat"]), (3, [*NAMES])]


async def test_labels_that_are_read_in_time_stay_whole() -> None:
    outbox = Outbox("")
    for seq in (1, 2):
        outbox.put(labels(seq))
        assert await read_labels(outbox) == (seq, [*NAMES])


async def test_reader_that_comes_first_waits_for_a_message() -> None:
    outbox = Outbox("")
    reader = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put(Pong(1.0, 2.0))
    assert await reader == Pong(1.0, 2.0)


async def test_socket_that_no_longer_reads_costs_bounded_memory() -> None:
    outbox = Outbox("")
    for seq in range(2 * OUTBOX_SIZE):
        outbox.put(labels(seq))
    assert [(await read_labels(outbox))[0] for _ in range(OUTBOX_SIZE)] == list(range(OUTBOX_SIZE))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.get(), 0.01)


async def test_browsers_are_told_how_to_cut_frames_and_when_a_model_is_not_sure() -> None:
    hub = Hub(Settings(), lambda message: None, now_ms=lambda: 1.0)
    hub.note_worker(WorkerStatus(worker="w", at=1.0, models=[ServedModel("net", "1", 224)]))
    outbox = hub.join("s", [], "net")
    welcome = await outbox.get()
    assert isinstance(welcome, Welcome)
    assert welcome.model == ModelInfo("net", "1", 224, crop=1.0, unsure_below=0.0)
    promoted = ServedModel("net", "2", 224, crop=0.875, unsure_below=0.3)
    hub.note_worker(WorkerStatus(worker="w", at=2.0, models=[promoted]))
    info = ModelInfo("net", "2", 224, crop=0.875, unsure_below=0.3)
    assert await outbox.get() == Models([info], info)


def test_a_model_is_offered_once_each_worker_of_its_pool_serves_it() -> None:
    hub = Hub(Settings(), lambda _: None, now_ms=lambda: 1.0)
    old, new = ServedModel("old", "1", 224), ServedModel("new", "1", 224)
    hub.note_worker(WorkerStatus(worker="a", at=1.0, models=[old, new]))
    hub.note_worker(WorkerStatus(worker="b", at=1.0, models=[old]))
    assert [each.name for each in hub.models()] == ["old"]
    hub.note_worker(WorkerStatus(worker="b", at=1.0, models=[new, old]))
    assert {each.name for each in hub.models()} == {"old", "new"}


def test_a_frame_goes_to_the_pool_that_serves_its_model_and_the_main_pool_has_the_default() -> None:
    hub = Hub(Settings(), lambda _: None, now_ms=lambda: 1.0)
    hub.note_worker(WorkerStatus(worker="a", at=1.0, models=[ServedModel("large", "1", 300)], pool="slow"))
    assert (hub.pool_of(""), hub.pool_of("large")) == ("slow", "slow")
    hub.note_worker(WorkerStatus(worker="b", at=1.0, models=[ServedModel("small", "1", 224)]))
    assert [each.name for each in hub.models()] == ["small", "large"]
    assert [hub.pool_of(name) for name in ("", "small", "large", "no such")] == ["", "", "slow", ""]

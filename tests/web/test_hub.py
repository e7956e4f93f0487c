"""The messages that wait for a browser which reads slowly."""

import asyncio

import pytest

from streams.contract.messages import Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from web.hub import OUTBOX_SIZE, Hub, Outbox
from web.messages import Dropped, Error, Label, Labels, ModelInfo, Models, Pong, Welcome
from web.partitions import Partitions
from web.protocol import Upload

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


def stale(session: str, seq: int) -> Prediction:
    return Prediction(session=session, seq=seq, outcome=Outcome.STALE, stage=Stage.WORKER)


def plain_hub(now: list[float]) -> Hub:
    return Hub(Settings(resume_s=60), lambda message: None, now_ms=lambda: now[0], partitions=Partitions(4, "me"))


def test_outcomes_of_sessions_that_are_not_here_leave_nothing_behind() -> None:
    hub = plain_hub([1.0])
    hub.settle(stale("elsewhere", 1))
    assert hub.find("elsewhere") is None


async def test_a_session_that_comes_gets_what_was_read_for_it_before() -> None:
    hub = plain_hub([1.0])
    hub.recall = lambda session: hub.settle(stale(session, 2))
    outbox = hub.join("s", [1, 2], "", sent=2)
    assert isinstance(await outbox.get(), Welcome)
    assert await outbox.get() == Dropped(2, Outcome.STALE, Stage.WORKER)


async def test_a_socket_whose_session_goes_on_at_another_gateway_is_closed() -> None:
    hub = plain_hub([1.0])
    outbox = hub.join("s", [], "")
    hub.offer("s", Upload(1, 0.0, b"\xff\xd8"), "")
    hub.settle(stale("s", 50))
    messages = [await outbox.get() for _ in range(2)]
    assert isinstance(messages[1], Error)
    assert outbox.taken_over
    assert "s" not in hub.outboxes


def test_a_partition_is_needed_as_long_as_a_session_of_it_is_here() -> None:
    now = [1.0]
    hub = plain_hub(now)
    hub.partitions.set_own({0})
    foreign = next(name for name in map(str, range(99)) if hub.partitions.of(name) == 3)
    changes: list[set[int]] = []
    hub.partitions.on_change = lambda: changes.append(set(hub.partitions.needed))
    outbox = hub.join(foreign, [], "")
    hub.leave(foreign, outbox)
    now[0] += 59_000
    hub.tick()
    assert changes == [{0, 3}]
    now[0] += 2_000
    hub.tick()
    assert changes == [{0, 3}, {0}]


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

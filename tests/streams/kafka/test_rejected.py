"""Setting a record aside holds nothing up and cannot fail."""

import asyncio
import logging

import pytest

from streams.contract.kafka.rejected import RejectedRecord
from streams.kafka.rejected import MAX_WAITING, SetAside


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(offset: int = 0) -> RejectedRecord:
    return RejectedRecord("topic", 3, offset, "broken", b"value")


async def test_a_record_is_counted_logged_and_sent(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    sent: list[RejectedRecord] = []

    async def send(one: RejectedRecord) -> None:
        sent.append(one)

    SetAside(send, counted.append).add(record(8))
    await asyncio.sleep(0)
    assert (counted, sent) == (["topic"], [record(8)])
    assert [each.getMessage() for each in caplog.records] == ["rejected topic[3]@8: broken"]


async def test_a_flood_is_one_log_line_a_second_and_few_sends(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    sending = 0
    clock = Clock()

    async def send(_: RejectedRecord) -> None:
        nonlocal sending
        sending += 1
        await asyncio.Event().wait()

    set_aside = SetAside(send, counted.append, clock)
    for _ in range(5000):
        set_aside.add(record())
    await asyncio.sleep(0)
    clock.now = 1.0
    set_aside.add(record(9))
    assert (len(counted), sending) == (5001, MAX_WAITING)
    assert [each.getMessage() for each in caplog.records] == [
        "rejected topic[3]@0: broken",
        "rejected topic[3]@9: broken; 4999 more since the last line",
    ]


async def test_what_cannot_be_sent_is_logged_and_nothing_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def send(_: RejectedRecord) -> None:
        raise OSError("Kafka is away")

    SetAside(send, str).add(record())
    await asyncio.sleep(0.01)
    assert "could not be set aside: OSError('Kafka is away')" in caplog.text
    assert all(each.levelno == logging.WARNING for each in caplog.records)


@pytest.mark.parametrize("loop", [True, False], ids=["counting fails", "no event loop"])
def test_nothing_is_raised_if_counting_fails_or_there_is_no_loop(loop: bool) -> None:
    async def send(_: RejectedRecord) -> None: ...

    def count(_: str) -> None:
        if loop:
            raise RuntimeError("no")

    SetAside(send, count).add(record())

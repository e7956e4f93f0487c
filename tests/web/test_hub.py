"""What waits for a browser that reads slowly."""

import asyncio
import json
from typing import Any

from web.hub import OUTBOX, Outbox

THREE = [{"index": index, "label": name, "probability": 0.3} for index, name in enumerate(("cat", "dog", "fox"))]


def labels(seq: int) -> dict[str, Any]:
    return {"type": "labels", "seq": seq, "labels": list(THREE)}


async def test_messages_keep_their_order() -> None:
    outbox = Outbox("")
    for seq in (1, 2):
        outbox.put({"type": "dropped", "seq": seq})
    assert [json.loads(await outbox.get())["seq"] for _ in range(2)] == [1, 2]


async def test_of_labels_that_wait_only_the_newest_are_whole() -> None:
    outbox = Outbox("")
    for seq in (1, 2, 3):
        outbox.put(labels(seq))
    read = [json.loads(await outbox.get()) for _ in range(3)]
    assert [(each["seq"], [one["label"] for one in each["labels"]]) for each in read] == [
        (1, ["cat"]),
        (2, ["cat"]),
        (3, ["cat", "dog", "fox"]),
    ]


async def test_labels_that_are_read_in_time_stay_whole() -> None:
    outbox = Outbox("")
    for seq in (1, 2):
        outbox.put(labels(seq))
        assert len(json.loads(await outbox.get())["labels"]) == 3


async def test_reader_that_comes_first_waits_for_a_message() -> None:
    outbox = Outbox("")
    reader = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put({"type": "pong"})
    assert json.loads(await reader) == {"type": "pong"}


async def test_socket_that_no_longer_reads_costs_bounded_memory() -> None:
    outbox = Outbox("")
    for seq in range(2 * OUTBOX):
        outbox.put(labels(seq))
    read = [json.loads(await outbox.get())["seq"] for _ in range(OUTBOX)]
    assert read == list(range(OUTBOX))

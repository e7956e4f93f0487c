"""Which frames the batcher answers, in which batches, and what becomes of the others."""

import asyncio
import threading
import time
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.classifier import Label
from models.engines.base import OnRoom, ignore_room
from streams.batching import DECODED_ON_LOOP_BYTES
from streams.contract.clock import now_ms
from streams.contract.outcomes import SERVER_HOPS, Outcome
from tests.fakes.classifiers import Slow, frame, jpeg, running, until


async def test_a_lone_frame_is_answered_without_waiting_for_others() -> None:
    async with running(slow := Slow()) as (batcher, published):
        batcher.put(frame("a", model="", jpeg=jpeg(200)))
        assert await published.count(1) == [("a", 1, "answered")]
    [prediction] = published.predictions
    assert (prediction.labels[0].label, prediction.model, prediction.version) == ("20", "slow", "1")
    assert slow.batches == [1]


async def test_a_lone_frame_is_with_the_idle_engine_before_the_loop_does_anything_else() -> None:
    async with running(slow := Slow(open=False)) as (batcher, published):
        await asyncio.sleep(0)
        batcher.put(frame("a"))
        assert (batcher.backlog.running, batcher.waiting) == (1, 0)
        batcher.put(frame("b"))
        assert (batcher.backlog.running, batcher.waiting) == (1, 1)
        slow.gate.set()
        await published.count(2)


async def test_a_large_frame_does_not_hold_up_the_loop() -> None:
    async with running(slow := Slow()) as (batcher, published):
        await asyncio.sleep(0)
        batcher.put(frame("a", jpeg=jpeg() + bytes(DECODED_ON_LOOP_BYTES)))
        assert (batcher.backlog.decoding, slow.batches) == (1, [])
        assert await published.count(1) == [("a", 1, "answered")]


async def test_frames_that_come_when_the_batcher_has_ended_are_left_alone() -> None:
    async with running(slow := Slow()) as (batcher, _):
        await asyncio.sleep(0)
    batcher.put(frame("a"))
    assert (batcher.waiting, slow.batches) == (1, [])


async def test_what_arrives_while_the_engine_runs_is_one_batch_afterwards() -> None:
    async with running(slow := Slow(open=False)) as (batcher, published):
        batcher.put(frame("first"))
        await until(lambda: slow.batches)
        for session in "abc":
            batcher.put(frame(session))
        await until(lambda: batcher.backlog.decoded == 3)
        slow.gate.set()
        await published.count(4)
    assert slow.batches == [1, 3]


async def test_a_flood_runs_alone_on_one_core_and_only_when_the_engine_has_nothing_else_to_do() -> None:
    async with running(slow := Slow()) as (batcher, published):
        for number, session in enumerate(["quiet0", "quiet1", "quiet2", *["flood"] * 6], 1):
            batcher.put(frame(session, number))
            await published.count(number)
        slow.gate.clear()
        batcher.put(frame("flood", 10))
        await until(lambda: len(slow.batches) == 10)
        for one in (frame("flood", 11), frame("quiet0", 2), frame("quiet1", 3)):
            batcher.put(one)
        slow.gate.set()
        answered = [session for session, _, _ in await published.count(13)]
    assert [answered[9], set(answered[10:12]), answered[12]] == ["flood", {"quiet0", "quiet1"}, "flood"]
    assert slow.batches[9:] == [1, 2, 1]
    assert slow.on_one_core[9:] == [True, False, True]


async def test_a_flood_that_has_had_its_share_gets_the_next_one_when_its_time_has_come() -> None:
    async with running(Ponderous()) as (batcher, published):
        for number, session in enumerate(["quiet0", "quiet1", "quiet2", *["flood"] * 6], 1):
            batcher.put(frame(session, number))
            await published.count(number)
        await asyncio.sleep(0)
        batcher.put(frame("flood", 10))  # nothing else will wake the batcher
        assert (batcher.waiting, batcher.backlog.running) == (1, 0)
        assert (await published.count(10))[9] == ("flood", 10, "answered")
    began = [each.times["decoded"] for each in published.predictions]
    assert began[9] - began[8] > 150  # milliseconds: four sessions of which each may have the engine for 50


class Roomy(Slow):
    """A slow classifier that has room for a batch beside the one it runs, and lets batches go one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = [threading.Event() for _ in range(3)]

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        gate = self.gates[len(self.batches)]
        on_room()
        answers = super().classify(batch)
        assert gate.wait(10)
        return answers


async def test_an_engine_with_room_gets_one_batch_more_and_no_third() -> None:
    async with running(roomy := Roomy(), max_batch=1) as (batcher, published):
        for session in "abc":
            batcher.put(frame(session))
        await until(lambda: len(roomy.batches) == 2 and batcher.backlog.decoded)
        await asyncio.sleep(0.05)
        assert len(roomy.batches) == 2
        for gate in roomy.gates:
            gate.set()
        await published.count(3)
    assert roomy.batches == [1, 1, 1]


async def test_batches_are_answered_in_the_order_of_their_start_whichever_is_done_first() -> None:
    async with running(roomy := Roomy(), max_batch=1) as (batcher, published):
        batcher.put(frame("a", 1))
        await until(lambda: len(roomy.batches) == 1)
        batcher.put(frame("a", 2))
        await until(lambda: len(roomy.batches) == 2)
        roomy.gates[1].set()
        await asyncio.sleep(0.05)
        assert published.predictions == []
        roomy.gates[0].set()
        assert await published.count(2) == [("a", 1, "answered"), ("a", 2, "answered")]


class Ponderous(Slow):
    """A classifier that takes 50 ms for each picture."""

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        time.sleep(0.05 * len(batch))
        return super().classify(batch)


async def test_a_batch_of_a_slow_engine_takes_a_quarter_of_the_freshness_limit() -> None:
    async with running(ponderous := Ponderous(), max_batch=8, freshness_ms=500.0) as (batcher, published):
        batcher.put(frame("first"))
        await published.count(1)
        for number in range(6):
            batcher.put(frame(f"s{number}"))
        await published.count(7)
    assert max(ponderous.batches) <= 2  # of 8; where the machine is busy even 1


async def test_times_are_stamped_in_order() -> None:
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("a", captured=now_ms() - 5))
        await published.count(1)
    times = published.predictions[0].times
    assert list(times) == ["captured", "received", "queued", "decoded", "classified", "published"]
    assert sorted(times.values()) == list(times.values())


async def test_no_batch_is_larger_than_allowed_and_all_are_answered() -> None:
    async with running(slow := Slow(open=False), max_batch=4) as (batcher, published):
        for number in range(11):
            batcher.put(frame(f"s{number}"))
        await until(lambda: slow.batches)
        slow.gate.set()
        outcomes = await published.count(11)
    assert {outcome for _, _, outcome in outcomes} == {"answered"}
    assert max(slow.batches) <= 4


async def test_a_frame_that_became_stale_while_the_engine_ran_is_dropped() -> None:
    async with running(slow := Slow(open=False), freshness_ms=200.0) as (batcher, published):
        batcher.put(frame("a"))
        await until(lambda: slow.batches)
        batcher.put(frame("b"))
        await until(lambda: batcher.backlog.decoded)
        await asyncio.sleep(0.3)
        slow.gate.set()
        assert ("b", 1, "stale") in await published.count(2)


async def test_one_bad_frame_costs_one_answer_and_nobody_else_notices() -> None:
    large = BytesIO()
    Image.new("RGB", (64, 64)).save(large, "JPEG")
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("bad", jpeg=b"\xff\xd8nonsense"))
        batcher.put(frame("cut", jpeg=jpeg()[:-300]))
        batcher.put(frame("large", jpeg=large.getvalue()))
        batcher.put(frame("who", model="nobody"))
        batcher.put(frame("good"))
        outcomes = await published.count(5)
    assert sorted(outcomes) == [
        ("bad", 1, "unreadable"),
        ("cut", 1, "unreadable"),
        ("good", 1, "answered"),
        ("large", 1, "too_large"),
        ("who", 1, "unknown_model"),
    ]


async def test_an_engine_that_fails_answers_its_batch_with_that_and_goes_on() -> None:
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("black", jpeg=jpeg(0)))
        assert await published.count(1) == [("black", 1, "failed")]
        batcher.put(frame("white"))
        assert (await published.count(2))[1] == ("white", 1, "answered")


async def test_models_take_turns_and_never_share_a_batch() -> None:
    one, two = Slow(open=False), Slow(open=False)
    two.model = "other"
    async with running(one, two) as (batcher, published):
        for number in range(3):
            batcher.put(frame(f"a{number}", model="slow"))
            batcher.put(frame(f"b{number}", model="other"))
        one.gate.set()
        two.gate.set()
        await published.count(6)
    assert {each.session[0]: each.model for each in published.predictions} == {"a": "slow", "b": "other"}


async def test_every_frame_gets_exactly_one_answer_under_a_storm() -> None:
    async with running(Slow(), max_batch=3, freshness_ms=50.0) as (batcher, published):
        sent = set()
        for seq in range(1, 101):
            for session in "abcde":
                batcher.put(frame(session, seq, age_ms=seq % 3 * 40))
                sent.add((session, seq))
            await asyncio.sleep(0)
        answered = [(session, seq) for session, seq, _ in await published.count(500)]
    assert len(answered) == 500
    assert set(answered) == sent


async def test_a_frame_that_its_gateway_is_giving_up_is_left_to_it() -> None:
    async with running(Slow(), expire_ms=3000.0) as (batcher, published):
        batcher.put(frame("late", age_ms=2600.0))
        batcher.put(frame("stale", age_ms=2000.0))
        batcher.put(frame("fresh"))
        assert sorted(await published.count(2)) == [("fresh", 1, "answered"), ("stale", 1, "stale")]
        batcher.put(frame("next"))
        assert ("next", 1, "answered") in await published.count(3)


@pytest.mark.parametrize("skew", [-7_200_000.0, -2000.0, 2000.0, 7_200_000.0])
async def test_a_frame_of_a_gateway_with_another_time_is_judged_by_its_age(skew: float) -> None:
    async with running(Slow(), skew=lambda _: skew, expire_ms=3000.0) as (batcher, published):
        batcher.put(frame("fresh", age_ms=skew + 10))
        batcher.put(frame("old", age_ms=skew + 1500))
        batcher.put(frame("given up", age_ms=skew + 5000))
        assert sorted(await published.count(2)) == [("fresh", 1, "answered"), ("old", 1, "stale")]
    [fresh] = [each for each in published.predictions if each.outcome == Outcome.ANSWERED]
    hops = [fresh.times[hop] for hop in SERVER_HOPS]
    assert hops == sorted(hops)
    assert hops[-1] - hops[0] < 1000  # all by the gateway's clock


async def test_a_worker_that_stood_still_publishes_nothing_for_frames_that_were_given_up_meanwhile() -> None:
    now = [now_ms()]
    async with running(slow := Slow(open=False), clock=lambda: now[0], expire_ms=3000.0) as (batcher, published):
        await asyncio.sleep(0)
        for session in "ab":  # one on the engine, one waits
            batcher.put(frame(session, received=now[0]))
        now[0] += 10_000
        slow.gate.set()
        batcher.put(frame("c", received=now[0]))
        assert await published.count(1) == [("c", 1, "answered")]


async def test_a_frame_that_is_read_again_when_partitions_move_is_not_answered_again() -> None:
    async with running(slow := Slow()) as (batcher, published):
        for session in "aab":
            batcher.put(frame(session))
        await published.count(2)
        batcher.put(frame("a"))
        batcher.put(frame("a", 2))
        assert sorted(await published.count(3)) == [("a", 1, "answered"), ("a", 2, "answered"), ("b", 1, "answered")]
    assert sum(slow.batches) == 3

"""A worker is judged by its progress."""

import threading

from streams.health.liveness import LOOK_EVERY_S, Liveness, watch


class Worker:
    """A worker that is looked at every few seconds, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.liveness = Liveness(lambda: self.now, stalled_s=20.0, end_s=60.0)

    def looks(self, seconds: float, *works: dict[str, int]) -> None:
        """Look for so long at what there is to do; the last of ``works`` stays."""
        for number in range(int(seconds / LOOK_EVERY_S)):
            self.now += LOOK_EVERY_S
            self.liveness.look(works[min(number, len(works) - 1)])

    @property
    def standstill(self) -> str:
        return self.liveness.standstill()[0]


def test_a_partition_that_is_not_read_although_it_has_records_is_said_and_later_ends_the_worker() -> None:
    worker = Worker()
    worker.looks(18, {"reading frames[1]": 7})
    assert worker.standstill == ""
    worker.looks(9, {"reading frames[1]": 7})
    assert worker.standstill == "reading frames[1]"
    assert not worker.liveness.must_end
    worker.looks(42, {"reading frames[1]": 7})
    assert worker.liveness.must_end


def test_progress_of_one_partition_hides_no_other_one() -> None:
    worker = Worker()
    worker.looks(30, *({"reading frames[0]": offset, "reading frames[1]": 7} for offset in range(20)))
    assert worker.standstill == "reading frames[1]"


def test_slow_progress_is_progress() -> None:
    worker = Worker()
    worker.looks(300, *({"reading frames[0]": number // 4} for number in range(101)))
    assert worker.standstill == ""


def test_a_worker_without_work_or_without_partitions_is_healthy() -> None:
    worker = Worker()
    worker.looks(600, {})
    assert worker.standstill == ""
    assert not worker.liveness.must_end


def test_time_in_which_kafka_is_away_does_not_count() -> None:
    worker = Worker()
    worker.looks(18, {"reading frames[0]": 7})
    worker.looks(600, {})  # while Kafka does not answer there is nothing to look at
    worker.looks(18, {"reading frames[0]": 7})
    assert worker.standstill == ""


def test_time_in_which_the_whole_process_stood_still_does_not_count() -> None:
    worker = Worker()
    worker.looks(9, {"reading frames[0]": 7})
    worker.now += 600
    worker.looks(6, {"reading frames[0]": 7})
    assert worker.standstill == ""


def test_an_engine_that_does_not_return_is_a_standstill_also_while_kafka_is_away() -> None:
    worker = Worker()
    worker.looks(30, {"the engine": 1})
    assert worker.standstill == "the engine"


def test_an_event_loop_that_stands_still_is_found_from_a_thread() -> None:
    worker = Worker()
    for _ in range(30):
        worker.liveness.watch_loop(1.0)
    assert worker.standstill == ""  # its models are being loaded
    worker.looks(3, {})
    for _ in range(22):
        worker.liveness.watch_loop(1.0)
    assert worker.standstill == "the event loop"
    worker.looks(3, {})
    worker.liveness.watch_loop(1.0)
    assert worker.standstill == ""


def test_a_worker_that_stands_still_for_too_long_ends_with_the_reason() -> None:
    ended: list[str] = []
    done = threading.Event()

    def end(why: str) -> None:
        ended.append(why)
        done.set()

    liveness = Liveness(stalled_s=0.01, end_s=0.02)
    liveness.look({})
    watch(liveness, end, every_s=0.01)
    assert done.wait(10)
    assert "the event loop has made no progress" in ended[0]

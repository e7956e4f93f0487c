"""Compares the clients' frame counts with those in Kafka: in the predictions topic and in the statistics table."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Set

from aiokafka import AIOKafkaConsumer

from infra.client.frame_counts import FrameCounts
from streams.contract.kafka.options import connection_options
from streams.contract.messages import Prediction
from streams.contract.outcomes import Outcome, counts_in_words
from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from streams.contract.topics import PREDICTIONS, SESSIONS

CATCH_UP_S = 15.0
LOOK_S = 0.3

Record = tuple[bytes, bytes | None]  # key and value


async def lasting_differences(settings: Settings, clients: Mapping[str, FrameCounts]) -> list[str]:
    """The differences that remain once the table has had time to catch up; empty when all counts agree.

    Args:
        settings: where Kafka is, and how to connect.
        clients: the frame counts by session.
    """
    end = time.monotonic() + CATCH_UP_S
    while True:
        found = differences(
            clients,
            topic=outcomes_in_topic([record async for record in read_topic(settings, PREDICTIONS)]),
            table=counts_in_table([record async for record in read_topic(settings, SESSIONS)]),
        )
        if not found or time.monotonic() > end:
            return found
        await asyncio.sleep(LOOK_S)


async def read_topic(settings: Settings, topic: str) -> AsyncIterator[Record]:
    """The records that ``topic`` holds now, each partition in its order."""
    consumer = AIOKafkaConsumer(topic, group_id=None, **connection_options(settings))
    await consumer.start()
    try:
        async with asyncio.timeout(CATCH_UP_S):
            while not (partitions := consumer.assignment()):  # the broker does not know the topic yet
                await asyncio.sleep(LOOK_S)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record.key, record.value
    finally:
        await consumer.stop()


def repeated_answers(records: Iterable[Record], sessions: Set[str]) -> int:
    """How many answers the predictions topic has for frames of ``sessions`` that it has an answer for already."""
    answers: Counter[tuple[str, int]] = Counter()
    for _, value in records:
        prediction = Prediction.loads(value or b"")
        if prediction.session in sessions and prediction.outcome == Outcome.ANSWERED:
            answers[prediction.session, prediction.seq] += 1
    return answers.total() - len(answers)


def outcomes_in_topic(records: Iterable[Record]) -> dict[str, FrameCounts]:
    """Frame counts by session from the predictions topic: the first prediction for a frame is its outcome."""
    counts: dict[str, FrameCounts] = {}
    known: set[tuple[str, int]] = set()
    for _, value in records:
        prediction = Prediction.loads(value or b"")
        session = counts.setdefault(prediction.session, FrameCounts())
        for frame in {(prediction.session, seq) for seq in prediction.seqs} - known:
            known.add(frame)
            session.sent += 1
            if prediction.outcome == Outcome.ANSWERED:
                session.answered += 1
                session.labels[prediction.labels[0].label] += 1
            else:
                session.drop(prediction.outcome)
    return counts


def counts_in_table(records: Iterable[Record]) -> dict[str, FrameCounts]:
    """Frame counts by session from the statistics table: the last value of each key, None for a deleted session."""
    table = {key.decode(): value for key, value in records}
    return {session: _counts_of(SessionStats.loads(value)) for session, value in table.items() if value is not None}


def differences(clients: Mapping[str, FrameCounts], **others: Mapping[str, FrameCounts]) -> list[str]:
    """One line for each session and each of ``others`` whose counts are not exactly the client's.

    Sessions that are not in ``clients``, such as canaries, are ignored.
    """
    found = []
    for session, counts in clients.items():
        expected = _told(counts)
        for name, other in others.items():
            if (actual := _told(other.get(session, FrameCounts()))) != expected:
                found.append(f"{session}: the client counted {expected}, the {name} {actual}")
    return found


def _counts_of(stats: SessionStats) -> FrameCounts:
    return FrameCounts(stats.sent, stats.answered, stats.expired, Counter(stats.dropped), stats.label_counts())


def _told(counts: FrameCounts) -> str:
    """Everything that must be equal, for people: sent frames, their outcomes, and the answers by label."""
    assert Outcome.EXPIRED not in counts.dropped  # it has a count of its own
    dropped = dict(sorted(counts.dropped.items()))
    outcomes = {Outcome.ANSWERED: counts.answered, Outcome.EXPIRED: counts.expired, **dropped}
    labels = ", ".join(f"{label}: {frames}" for label, frames in sorted(counts.labels.items()))
    return f"{counts.sent} sent ({counts_in_words(outcomes)}; labels {labels or 'none'})"

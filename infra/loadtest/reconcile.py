"""The books of a running stack, read from Kafka itself: what topic and table say became of each session's frames."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer

from infra.client.frame_counts import FrameCounts
from streams.contract.messages import Prediction
from streams.contract.outcomes import Outcome
from streams.contract.stats import SessionStats
from streams.contract.topics import PREDICTIONS, SESSIONS


async def read_topic(broker: str, topic: str) -> AsyncIterator[tuple[bytes, bytes | None]]:
    """Keys and values of all that ``topic`` holds now, each partition in its order."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.split(","), group_id=None)
    await consumer.start()
    try:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record.key, record.value
    finally:
        await consumer.stop()


async def tables(broker: str) -> dict[str, FrameCounts]:
    """Each session's account in the statistics table."""
    accounts: dict[str, FrameCounts] = {}
    async for key, value in read_topic(broker, SESSIONS):
        if value is None:
            accounts.pop(key.decode(), None)
        else:
            stats = SessionStats.loads(value)
            accounts[key.decode()] = FrameCounts(
                stats.sent, stats.answered, stats.expired, Counter(stats.dropped), stats.label_counts()
            )
    return accounts


async def fates(broker: str) -> dict[str, FrameCounts]:
    """Each session's account as the gateways have it: the first fate of each frame in the topic of predictions."""
    accounts: dict[str, FrameCounts] = {}
    known: set[tuple[str, int]] = set()
    async for _, value in read_topic(broker, PREDICTIONS):
        prediction = Prediction.loads(value or b"")
        account = accounts.setdefault(prediction.session, FrameCounts())
        for frame in {(prediction.session, seq) for seq in prediction.seqs} - known:
            known.add(frame)
            account.sent += 1
            if prediction.outcome == Outcome.ANSWERED:
                account.answered += 1
                account.labels[prediction.labels[0].label] += 1
            else:
                account.drop(prediction.outcome)
    return accounts


def differences(clients: Mapping[str, FrameCounts], **others: Mapping[str, FrameCounts]) -> list[str]:
    """In what the others' accounts differ from the clients' own; empty when all agree to the frame."""
    found = []
    for session, mine in clients.items():
        for where, other in others.items():
            theirs = other.get(session, FrameCounts())
            if books(mine) != books(theirs):
                found.append(f"{session}: client {books(mine)}, {where} {books(theirs)}")
    return found


def books(tally: FrameCounts) -> tuple[int, int, int, dict[str, int], dict[str, int]]:
    """What must agree, to the frame; Outcome.EXPIRED is never among the drops."""
    assert Outcome.EXPIRED not in tally.dropped
    dropped = {reason: count for reason, count in sorted(tally.dropped.items()) if count}
    return tally.sent, tally.answered, tally.expired, dropped, dict(sorted(tally.labels.items()))

"""``sightstream topics``: the topics of Kafka, and what is not as wanted."""

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Column, Table

from infra.commands.edge import Command
from infra.local.topic_admin import admin_client, answering_kafka, create_missing, with_copies
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rights import rights
from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.comparison import nearest_roles, topic_findings
from streams.contract.kafka.topics.finding import Finding, Harm
from streams.contract.kafka.topics.limits import UNSAID
from streams.contract.kafka.topics.state import FoundState, find_denied, find_state
from streams.contract.settings import Settings
from streams.contract.topics import Role, TopicSpec, topic_specs

WIDTH = 110  # columns, when the output is not a terminal
SETTLE_S, POLL_S = 10.0, 0.1  # until topics that were created have their leaders
COUNT_S = 3.0
ADVICE = "check the address, SIGHTSTREAM_BROKER or --broker"


@click.command(cls=Command, example="sightstream topics --check --broker kafka-1:9092,kafka-2:9092")
@click.option(
    "--broker",
    metavar="HOST:PORT[,HOST:PORT...]",
    show_default="SIGHTSTREAM_BROKER, or 127.0.0.1:9092",
    help="Where Kafka is.",
)
@click.option("--check", is_flag=True, help="Print only what is not as wanted, a line each.")
@click.option("--create", is_flag=True, help="Create the topics that are missing. Nothing that exists is changed.")
@click.option(
    "--role",
    type=click.Choice([each.value for each in Role]),
    show_default="the one whose rights this user has, or nearly has",
    help="Check the rights that this kind of process needs.",
)
def topics(broker: str | None, check: bool, create: bool, role: str | None) -> None:
    """Show, check or create the topics of Kafka, and say what is not as it should be.

    Nothing is changed without --create.

    What is wanted comes from the settings, such as SIGHTSTREAM_PARTITIONS. Without SIGHTSTREAM_REPLICATION it is a
    copy on each broker, three at most. The exit status is 1 if something is wrong. A note is about something
    harmless, or that this user may not look at.
    """
    if check and create:
        raise click.UsageError("--check and --create exclude each other: --create checks, too")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors are raised, too
    settings = Settings.from_environ()
    settings = settings if broker is None else settings.replace(broker=broker)
    roles = [Role(role)] if role else []
    seen = asyncio.run(look(settings, roles, create=create, count=not (check or create)))
    for name in seen.created:
        click.echo(f"created {name}")
    if not (check or create):
        console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
        console.print(table(seen))
    for each in seen.findings:
        click.echo(f"{each.harm.word}: {each}")
    if any(each.harm > Harm.UNKNOWN for each in seen.findings):
        sys.exit(1)
    click.echo(f"all topics are as wanted, for the {' and the '.join(seen.roles)}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is wanted and what was found, what was created before, and the numbers of messages that are known."""

    specs: Sequence[TopicSpec]
    state: FoundState
    roles: Sequence[Role]
    findings: Sequence[Finding]
    created: Sequence[str]
    messages: Mapping[str, int]


async def look(settings: Settings, roles: Sequence[Role], *, create: bool, count: bool) -> Seen:
    """Look at the topics, for these roles or for those that fit this user best.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicRefused: the broker refuses to create a topic.
    """
    created: list[str] = []
    async with answering_kafka(settings, ADVICE) as client:
        of_roles = {role: rights(role, settings) for role in Role}
        denied = await find_denied(client, chain.from_iterable(of_roles.values()))
        state = await find_state(client, topic_specs(settings))
        settings = with_copies(settings, size(state))
        specs, commands = topic_specs(settings), OperatorCommands(settings)
        if create:
            async with admin_client(settings) as admin:
                created = await create_missing(admin, specs, state, settings)
        end = time.monotonic() + SETTLE_S
        while True:
            state = replace(state, denied=state.denied | denied)
            fitting = roles or nearest_roles(of_roles, state)
            findings = topic_findings(specs, state, {role: of_roles[role] for role in fitting}, commands)
            settled = not any(each.waiting_helps and each.topic in created for each in findings)
            if settled or time.monotonic() > end:
                break
            await asyncio.sleep(POLL_S)
            state = await find_state(client, specs)
    return Seen(specs, state, fitting, findings, created, await message_counts(settings, state) if count else {})


def size(state: FoundState) -> int:
    """The number of brokers: of those that answer, or the most copies of a partition if some brokers are away."""
    return max(len(state.brokers), *(each.copies for topic in state.topics.values() for each in topic.partitions), 1)


async def message_counts(settings: Settings, state: FoundState) -> dict[str, int]:
    """How many messages each topic has; those that Kafka replaced by newer ones are counted, too."""
    counts: Counter[str] = Counter()
    partitions = [
        TopicPartition(name, each) for name, topic in state.topics.items() for each in range(len(topic.partitions))
    ]
    consumer = AIOKafkaConsumer(**connection_options(settings))
    try:
        async with asyncio.timeout(COUNT_S):  # without a leader it would wait
            await consumer.start()
            ends = await consumer.end_offsets(partitions)
            begins = await consumer.beginning_offsets(partitions)
    except (KafkaError, TimeoutError):
        return {}
    finally:
        await consumer.stop()
    for each in partitions:
        counts[each.topic] += ends[each] - begins[each]
    return dict(counts)


def table(seen: Seen) -> Table:
    """The topics that exist, with the settings that matter."""
    shown = Table(
        Column("topic", no_wrap=True),
        Column("partitions", justify="right"),
        Column("copies", justify="right"),
        Column("messages", justify="right"),
        Column("settings", ratio=1, overflow="fold"),
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for spec in seen.specs:
        if topic := seen.state.topics.get(spec.name):
            copies = sorted({each.copies for each in topic.partitions})
            names = dict.fromkeys([*UNSAID, *spec.config])
            config = topic.config or {}
            shown.add_row(
                spec.name,
                str(len(topic.partitions)),
                ", ".join(map(str, copies)),
                str(seen.messages.get(spec.name, "?")),
                "\n".join(f"{name}={config[name]}" for name in names if name in config) or "?",
            )
    return shown

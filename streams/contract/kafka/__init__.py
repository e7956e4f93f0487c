"""aiokafka's clients as worker and gateway need them: no record and no broker that is away brings them to a stop."""

import logging

from aiokafka import client
from aiokafka.consumer import consumer, fetcher
from aiokafka.producer import producer

from streams.contract.kafka.connections import PatientClient, connect
from streams.contract.kafka.denials import Denied
from streams.contract.kafka.readable_records import ReadableRecords
from streams.contract.kafka.repeats import Repeats


def adapt_clients() -> None:
    """Let the producers and consumers of this process be so from now on. To call it twice does nothing."""
    if client.create_conn is connect:
        return
    client.create_conn = connect
    consumer.AIOKafkaClient = producer.AIOKafkaClient = PatientClient
    fetcher.PartitionRecords = ReadableRecords
    repeats, denied = Repeats(), Denied()
    for name in list(logging.root.manager.loggerDict):
        part = name.split(".")[0]
        if part == "aiokafka" or name == ReadableRecords.__module__:
            logging.getLogger(name).addFilter(repeats)
        if part in {"aiokafka", "streams", "web"}:
            logging.getLogger(name).addFilter(denied)

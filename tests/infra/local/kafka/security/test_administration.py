"""What Kafka is asked for its users; a real one answers in `tests/integration/test_secure_kafka.py`."""

import hashlib
from pathlib import Path

import pytest

from infra.local.kafka.security.administration import (
    OPERATIONS,
    AlterUserScramCredentialsRequest_v0,
    NotAdministered,
    UsersRequest,
    acls,
    administer,
)
from infra.local.kafka.security.identity import Identity
from streams.contract.kafka.rights import Kind, Operation, Right

PASSWORDS = {"gateway": "opensesame", "worker": "opensesame"}


def test_no_password_leaves_the_process_and_equal_ones_do_not_look_alike() -> None:
    request = UsersRequest(PASSWORDS).build(AlterUserScramCredentialsRequest_v0)
    assert b"opensesame" not in request.encode()
    (_, _, iterations, salt, salted, _), (_, _, _, _, other, _) = request.upsertions
    assert salted == hashlib.pbkdf2_hmac("sha512", b"opensesame", salt, iterations)
    assert salted != other
    assert iterations >= 4096  # Kafka takes no fewer


def test_each_operation_of_a_right_is_an_entry() -> None:
    right = Right(Kind.TOPIC, "frames", (Operation.READ, Operation.WRITE))
    assert acls("worker", [right]) == [
        (2, "frames", 3, "User:worker", "*", 3, 3),
        (2, "frames", 3, "User:worker", "*", 4, 3),
    ]
    assert OPERATIONS.keys() == set(Operation)


async def test_a_kafka_that_is_away_has_one_line(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.make("TMPDIR")
    with pytest.raises(NotAdministered, match=r"^the users of Kafka could not be made: [^\n]+$"):
        await administer("127.0.0.1:1", identity.context(), PASSWORDS, {"gateway": (), "worker": ()})

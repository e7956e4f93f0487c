"""Makes users and their rights in a running Kafka, with requests of Kafka's protocol.

Kafka's own tools take passwords as arguments, which everyone on the machine can see. Here no password leaves the
process: the broker gets what SCRAM makes of it.
"""

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1, DescribeAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from infra.local.errors import StackError
from streams.contract.kafka.rights import Kind, Operation, Right

ITERATIONS = 8192
SALT_BYTES = 32
TIMEOUT_S = 30.0
POLL_S = 0.05
# numbers of Kafka's protocol: of org.apache.kafka.common.resource, .acl and .clients.admin.ScramMechanism
KINDS = {Kind.TOPIC: 2, Kind.GROUP: 3, Kind.CLUSTER: 4}
OPERATIONS = {
    Operation.READ: 3,
    Operation.WRITE: 4,
    Operation.CREATE: 5,
    Operation.DESCRIBE: 8,
    Operation.DESCRIBE_CONFIGS: 10,
    Operation.ALTER_CONFIGS: 11,
}
ANY, ALLOW, LITERAL = 1, 3, 3
SCRAM_SHA_512 = 2

# kind, name, pattern, principal, host, operation, permission; as a filter, None is for any
Acl = tuple[int, str | None, int, str, str | None, int, int]


class NotAdministered(StackError):
    """The local Kafka does not take the users or their rights."""


class AlterUserScramCredentialsResponse_v0(Response):  # type: ignore[misc]
    """Which users were changed."""

    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterUserScramCredentialsRequest_v0(RequestStruct):  # type: ignore[misc]
    """Users and what SCRAM makes of their passwords, see https://kafka.apache.org/protocol."""

    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = AlterUserScramCredentialsResponse_v0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class UsersRequest(Request[AlterUserScramCredentialsRequest_v0]):  # type: ignore[misc]
    """Sets the passwords of users."""

    API_KEY = 51

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = passwords

    def build(self, kind: type[AlterUserScramCredentialsRequest_v0]) -> AlterUserScramCredentialsRequest_v0:
        """The request with salted passwords (RFC 5802, section 2.2: SaltedPassword)."""
        users: list[tuple[str, int, int, bytes, bytes, dict[int, bytes]]] = []
        for name, password in self.passwords.items():
            salt = secrets.token_bytes(SALT_BYTES)
            salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
            users.append((name, SCRAM_SHA_512, ITERATIONS, salt, salted, {}))
        return kind([], users, {})


class CreateRights(Request[CreateAclsRequest_v1]):  # type: ignore[misc]
    """Adds entries to the access control list."""

    API_KEY = 30

    def __init__(self, acls: Sequence[Acl]) -> None:
        self.acls = acls

    def build(self, kind: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        """All of them in one request."""
        return kind(list(self.acls))


class DeleteRights(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]
    """Removes the entries of the access control list that match these."""

    API_KEY = 31

    def __init__(self, acls: Sequence[Acl]) -> None:
        self.acls = acls

    def build(self, kind: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        """A filter for each."""
        return kind(list(self.acls))


def acls(user: str, rights: Sequence[Right]) -> list[Acl]:
    """The entries of the access control list, as in Kafka's protocol."""
    return [
        (KINDS[right.kind], right.name, LITERAL, f"User:{user}", "*", OPERATIONS[each], ALLOW)
        for right in rights
        for each in right.operations
    ]


def everything_of(user: str) -> Acl:
    """A filter for all rights of a user."""
    return ANY, None, ANY, f"User:{user}", None, ANY, ANY


async def administer(
    address: str, context: ssl.SSLContext, passwords: Mapping[str, str], rights: Mapping[str, Sequence[Right]]
) -> None:
    """Give each user its password and exactly these rights.

    Args:
        address: of a broker's own listener, HOST:PORT.
        context: with the brokers' certificate.
        passwords: by user.
        rights: by user.

    Raises:
        NotAdministered: Kafka refuses that, or does not do it in time.
    """
    wanted = {acl for user in passwords for acl in acls(user, rights[user])}
    try:
        async with asyncio.timeout(TIMEOUT_S):
            host, port = address.rsplit(":", 1)
            connection = await create_conn(host, int(port), security_protocol="SSL", ssl_context=context)
            try:
                there = {acl for user in passwords for acl in await _acls_of(connection, user)}
                # first what is missing: nobody who connects again meanwhile misses a right
                created = await connection.send(CreateRights([*wanted]))
                deleted = await connection.send(DeleteRights([*there - wanted]))
                made = await connection.send(UsersRequest(passwords))
            finally:
                connection.close()
    except (OSError, KafkaError, TimeoutError) as error:
        raise NotAdministered(f"the users of Kafka could not be made: {error or type(error).__name__}") from error
    codes = [each[0] for each in (*created.creation_responses, *deleted.filter_responses)]
    if failed := [for_code(code) for code in (*codes, *(each[1] for each in made.results)) if code]:
        raise NotAdministered(f"the users of Kafka could not be made: {failed[0].__name__}")


async def _acls_of(connection: AIOKafkaConnection, user: str) -> list[Acl]:
    answer = await connection.send(DescribeAclsRequest(*everything_of(user)))
    if answer.error_code:
        raise for_code(answer.error_code)(answer.error_message)
    return [(*resource, *acl) for *resource, entries in answer.resources for acl in entries]


async def known(addresses: Sequence[str], options: Sequence[Mapping[str, Any]]) -> None:
    """Wait until each broker knows each user: they hear of it one after the other.

    Args:
        addresses: of the listeners for clients, HOST:PORT.
        options: of a connection of each user.

    Raises:
        NotAdministered: one does not in time.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            for each, user in product(addresses, options):
                host, port = each.rsplit(":", 1)
                while True:
                    try:
                        (await create_conn(host, int(port), **user)).close()
                        break
                    except SaslAuthenticationFailed:
                        await asyncio.sleep(POLL_S)
    except (OSError, KafkaError, TimeoutError) as error:
        raise NotAdministered(f"the users of Kafka cannot connect: {error or type(error).__name__}") from error

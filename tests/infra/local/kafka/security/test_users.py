"""The users of a local Kafka and their files."""

import os
from pathlib import Path

import pytest

from infra.local.kafka.security.users import NOBODY, Users
from streams.contract.settings import Settings
from streams.contract.topics import Role

BROKERS = ("127.0.0.1:20001", "127.0.0.1:20004")


@pytest.fixture
def users(tmp_path: Path) -> Users:
    users = Users(tmp_path / "kafka", Settings(), "--data-dir")
    users.make_folders()
    return users


def test_each_user_has_a_long_password_of_its_own_that_stays(users: Users) -> None:
    passwords = users.passwords()
    assert passwords.keys() == set(Role)
    assert len({*passwords.values()}) == len(Role)
    assert min(map(len, passwords.values())) >= 40
    assert users.passwords() == passwords


def test_who_deletes_a_password_gets_a_new_one(users: Users) -> None:
    before = users.passwords()
    (users.folder / "worker" / "sightstream_kafka_password").unlink()
    after = users.passwords()
    assert after["worker"] != before["worker"]
    assert after["gateway"] == before["gateway"]


def test_only_their_owner_can_read_the_files(users: Users) -> None:
    users.write(BROKERS)
    files = [users.folder, *users.folder.rglob("*")]
    assert len(files) > 20
    assert [each.name for each in files if each.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("role", Role)
def test_a_users_folder_is_all_that_a_process_needs(
    users: Users, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.write(BROKERS)
    for name in [each for each in os.environ if each.startswith("SIGHTSTREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIGHTSTREAM_SECRETS_DIR", str(users.folder / role))
    found = Settings.from_environ()
    assert found == Settings().replace(**users.settings(role, BROKERS))
    assert found.broker == BROKERS
    assert (found.kafka_user, found.kafka_password) == (role, users.passwords()[role])
    assert found.kafka_security == "SASL_SSL"


def test_the_access_to_another_kafka_is_not_used_for_the_local_one(users: Users) -> None:
    other = Settings(kafka_security="SSL", kafka_user="me", kafka_password="x", kafka_cert="a", kafka_key="b")
    own = other.replace(**users.settings("gateway", BROKERS))
    assert (own.kafka_cert, own.kafka_key, own.kafka_user) == ("", "", "gateway")
    assert other.replace(**NOBODY) == Settings()

"""How clients connect to Kafka."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from infra.local.own_certificate import own_certificate
from streams.contract.kafka.options import connection_options
from streams.contract.settings import BadSetting, Settings

BROKERS = ("kafka-1:9092", "kafka-2:9092")


def test_without_security_only_the_addresses_are_said() -> None:
    options = connection_options(Settings(broker=BROKERS))
    assert options == {"bootstrap_servers": list(BROKERS), "security_protocol": "PLAINTEXT"}


def test_the_user_is_said_only_where_kafka_asks_for_one() -> None:
    settings = Settings(kafka_security="SASL_PLAINTEXT", kafka_user="gateway", kafka_password="a password")
    options = connection_options(settings)
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("gateway", "a password")
    assert "sasl_mechanism" not in connection_options(settings.replace(kafka_security="SSL"))


def test_over_tls_brokers_are_checked_with_their_names() -> None:
    context = connection_options(Settings(kafka_security="SSL"))["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.crt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSetting, match=r"SIGHTSTREAM_KAFKA_CA=.*ca.crt"):
        connection_options(Settings(kafka_security="SASL_SSL", kafka_ca=str(file)))


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"SIGHTSTREAM_KAFKA_CERT=.*none.crt"):
        connection_options(Settings(kafka_security="SSL", kafka_cert=str(tmp_path / "none.crt")))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("other.key", "does not belong to the certificate"),
        ("locked.key", "the key has a password: give one without"),
        ("gone.key", "No such file or directory"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_its_certificate(tmp_path: Path, key: str, why: str) -> None:
    own = own_certificate(tmp_path / "own", ["127.0.0.1"], "TMPDIR")
    private = ec.generate_private_key(ec.SECP256R1())
    for name, lock in (("other.key", NoEncryption()), ("locked.key", BestAvailableEncryption(b"opensesame"))):
        (tmp_path / name).write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    settings = Settings(kafka_security="SSL", kafka_cert=str(own.certificate), kafka_key=str(tmp_path / key))
    with pytest.raises(BadSetting) as raised:
        connection_options(settings)
    said = str(raised.value)
    assert said.startswith("SIGHTSTREAM_KAFKA_CERT=")
    assert key in said
    assert why in said
    assert "\n" not in said


@pytest.mark.parametrize("missing", ["kafka_user", "kafka_password"])
def test_a_user_or_a_password_that_is_missing_is_said_before_kafka_is_asked(missing: str) -> None:
    user = {"kafka_user": "gateway", "kafka_password": "opensesame"} | {missing: ""}
    with pytest.raises(BadSetting, match="needs SIGHTSTREAM_KAFKA_USER and SIGHTSTREAM_KAFKA_PASSWORD") as raised:
        connection_options(Settings().replace(kafka_security="SASL_PLAINTEXT", **user))
    assert "opensesame" not in str(raised.value)

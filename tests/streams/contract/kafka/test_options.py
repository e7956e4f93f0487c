"""How clients connect to Kafka."""

from pathlib import Path

import pytest

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

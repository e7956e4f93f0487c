"""Which listeners a node has."""

from infra.local.kafka.configuration import Ports, server_properties

PORTS = {1: Ports(20001, 20002, 20003), 2: Ports(20004, 20005, 20006), 3: Ports(20007, 20008, 20009)}


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_a_node_for_known_users_has_no_listener_without_tls() -> None:
    found = properties(server_properties(2, PORTS, tls="../tls"))
    listeners = [each.split("://") for each in found["listeners"].split(",")]
    assert {address for _, address in listeners} == {f"127.0.0.1:{port}" for port in (20004, 20005, 20006)}
    protocols = dict(each.split(":") for each in found["listener.security.protocol.map"].split(","))
    assert protocols.keys() == {name for name, _ in listeners}
    assert set(protocols.values()) == {"SSL", "SASL_SSL"}
    assert "PLAINTEXT" not in str(found)


def test_brokers_and_controllers_have_to_show_a_certificate_and_clients_have_no_right_that_is_not_given() -> None:
    found = properties(server_properties(1, PORTS, tls="tls"))
    assert found["ssl.client.auth"] == "required"
    assert found["ssl.keystore.location"] == "tls/broker.pem"
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["super.users"] == "User:CN=Sightstream broker"
    assert "allow.everyone.if.no.acl.found" not in found  # false by default
    assert "password" not in str(found)


def test_without_a_certificate_everything_is_open_as_before() -> None:
    found = properties(server_properties(1, PORTS))
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert "authorizer.class.name" not in found

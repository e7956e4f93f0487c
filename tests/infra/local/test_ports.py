import socket

import pytest

from infra.local.ports import LOOPBACK, PORTS, NoSuchHost, PortInUse, free_port, free_ports, is_free


def test_free_ports_are_different_free_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(3)

    assert len(set(ports)) == 3
    assert all(is_free(port) and port in PORTS for port in ports)
    assert max(ports) < 32_768


def test_preferred_ports_come_first_unless_they_are_to_avoid_or_outside_the_range() -> None:
    first, second = free_ports(2)

    assert free_ports(2, preferred=[second, first]) == [second, first]
    assert free_ports(1, preferred=[0, 99_999_999, first, second], avoid={first}) == [second]


def test_port_that_something_listens_on_is_not_free() -> None:
    [port] = free_ports(1)

    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert free_ports(1, preferred=[port]) != [port]
        with pytest.raises(PortInUse, match=f"port {port} of {LOOPBACK} .*--port"):
            free_port(LOOPBACK, port)

    assert free_port(LOOPBACK, port) == port


def test_too_few_free_ports_are_an_error_that_gives_the_number() -> None:
    with pytest.raises(PortInUse, match="1 needed"):
        free_ports(1, avoid=PORTS)


def test_port_zero_gives_any_free_port() -> None:
    assert is_free(free_port(LOOPBACK, 0))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_port_is_free_only_if_it_is_at_every_address_of_the_host() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        assert is_free(port)
        for host in ("::1", "::"):
            with pytest.raises(PortInUse, match=f"port {port} of {host} "):
                free_port(host, port)
    assert free_port("::1", port) == port
    assert free_port("::", 0) > 0


@pytest.mark.parametrize(
    ("host", "reason"), [("192.0.2.1", "is no address of this machine"), ("nowhere.invalid", "cannot be found")]
)
def test_a_host_of_which_this_machine_has_no_address_is_named(host: str, reason: str) -> None:
    with pytest.raises(NoSuchHost, match=f"{host} {reason}.*--host"):
        free_port(host, 0)

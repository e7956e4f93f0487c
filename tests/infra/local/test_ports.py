import socket

import pytest

from infra.local.ports import LOOPBACK, PORTS, PortInUse, free_port, free_ports, is_free


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

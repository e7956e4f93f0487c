import socket
from pathlib import Path

import pytest

from infra.local.ports import LOOPBACK, PORTS, NoSuchHost, PortInUse, free_port, free_ports, is_free, kept_ports


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


def test_names_keep_their_ports_from_one_start_to_the_next(tmp_path: Path) -> None:
    ports = kept_ports(tmp_path / "ports.json", ["one", "two"])

    assert ports["one"] != ports["two"]
    assert kept_ports(tmp_path / "ports.json", ["two", "one"]) == ports
    assert kept_ports(tmp_path / "ports.json", ["two"]) == {"two": ports["two"]}
    assert kept_ports(tmp_path / "ports.json", ["one", "two"]) == ports


def test_a_kept_port_that_is_in_use_or_to_avoid_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    former = kept_ports(file, ["one", "two", "three"])

    with socket.create_server((LOOPBACK, former["one"])):
        now = kept_ports(file, ["one", "two", "three"], avoid=[former["three"]])

    assert now["two"] == former["two"]
    assert not {now["one"], now["three"]} & set(former.values())
    assert kept_ports(file, ["one", "two", "three"]) == now


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"one": "x"}', '{"one": 99999999, "two": 1}'])
def test_a_damaged_file_of_ports_is_ignored(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)

    ports = kept_ports(file, ["one", "two"])

    assert all(port in PORTS for port in ports.values())
    assert kept_ports(file, ["one", "two"]) == ports


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

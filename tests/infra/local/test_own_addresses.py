"""Under which names this machine is reached."""

import socket
from ipaddress import ip_address

import psutil
import pytest

from infra.local.own_addresses import is_loopback, main_address, own_names, reachable


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *[("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("localhost", True)],
        *[("0.0.0.0", False), ("::", False), ("192.0.2.77", False), ("nowhere.invalid", False)],
    ],
)
def test_only_addresses_that_no_other_machine_can_reach_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


@pytest.mark.parametrize(("host", "own"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.77", "192.0.2.77")])
def test_a_server_on_all_addresses_is_reached_on_loopback(host: str, own: str) -> None:
    assert reachable(host) == own


def test_a_host_that_was_asked_for_is_what_others_open() -> None:
    assert main_address("camera-box.example.") == "camera-box.example"
    assert own_names("camera-box.example")[0] == "camera-box.example"


@pytest.mark.parametrize(("host", "family"), [("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)])
def test_on_all_addresses_others_open_one_of_this_machines(host: str, family: int) -> None:
    interfaces = psutil.net_if_addrs().values()
    addresses = {each.address for interface in interfaces for each in interface if each.family == family}
    assert main_address(host) in {*addresses, socket.gethostname()}


def test_the_names_are_those_of_this_machine_each_once_and_without_an_interface() -> None:
    names = own_names("0.0.0.0")
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert len(names) == len(set(names))
    assert not any("%" in each or (":" in each and not ip_address(each).is_private) for each in names)


@pytest.mark.parametrize("name", ["", "zwölf", "a b", "-"])
def test_a_machine_with_a_name_that_no_certificate_can_have_is_named_by_its_addresses(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert name not in own_names("0.0.0.0")
    assert "127.0.0.1" in own_names("0.0.0.0")

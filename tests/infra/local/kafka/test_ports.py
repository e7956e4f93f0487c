import socket
from pathlib import Path

import pytest

from infra.local.kafka.ports import choose
from infra.local.ports import PortInUse, is_free


def listener(port: int = 0) -> socket.socket:
    server = socket.create_server(("127.0.0.1", port))
    server.listen()
    return server


def test_next_start_in_the_folder_gets_the_same_ports(tmp_path: Path) -> None:
    assert choose(tmp_path, 0) == choose(tmp_path, 0)


def test_ports_are_free_different_and_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    ports = choose(tmp_path, 0)

    assert ports.broker != ports.controller
    assert is_free(ports.broker)
    assert is_free(ports.controller)
    assert max(ports.broker, ports.controller) < 32_768


def test_former_port_that_is_in_use_now_is_replaced_and_the_other_one_kept(tmp_path: Path) -> None:
    former = choose(tmp_path, 0)

    with listener(former.broker):
        now = choose(tmp_path, 0)

    assert now.broker != former.broker
    assert now.controller == former.controller
    assert choose(tmp_path, 0) == now


def test_wanted_port_is_used(tmp_path: Path) -> None:
    with listener() as other:
        wanted = other.getsockname()[1]

    assert choose(tmp_path, wanted).broker == wanted


def test_wanted_port_in_use_is_named(tmp_path: Path) -> None:
    with listener() as other:
        wanted = other.getsockname()[1]

        with pytest.raises(PortInUse, match=f"port {wanted} on 127.0.0.1 is in use: .* choose another"):
            choose(tmp_path, wanted)


def test_ports_to_avoid_are_avoided(tmp_path: Path) -> None:
    former = choose(tmp_path, 0)

    now = choose(tmp_path, 0, avoid={former.broker})

    assert now.broker != former.broker


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"broker": "x"}', '{"broker": 99999999, "controller": 1}'])
def test_damaged_file_of_ports_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)

    ports = choose(tmp_path, 0)

    assert min(ports.broker, ports.controller) >= 20_000
    assert choose(tmp_path, 0) == ports

"""The limits on open sockets, in all and from one address."""

from contextlib import ExitStack

import pytest

from web.security.connection_limit import ConnectionLimit


def test_sockets_up_to_the_limit_of_an_address_are_allowed() -> None:
    limit = ConnectionLimit(10, 2)
    with ExitStack() as sockets:
        assert [sockets.enter_context(limit.connect("a")) for _ in range(3)] == [True, True, False]
        assert sockets.enter_context(limit.connect("b"))
        assert len(limit) == 3
    assert len(limit) == 0


def test_sockets_up_to_the_limit_of_the_gateway_are_allowed() -> None:
    limit = ConnectionLimit(3, 2)
    with ExitStack() as sockets:
        assert all(sockets.enter_context(limit.connect(address)) for address in "aab")
        assert not sockets.enter_context(limit.connect("c"))


def test_a_closed_socket_makes_room_even_after_an_error() -> None:
    limit = ConnectionLimit(1, 1)
    with pytest.raises(RuntimeError), limit.connect("a"):
        raise RuntimeError
    with limit.connect("b") as allowed:
        assert allowed


def test_a_refused_socket_takes_no_room() -> None:
    limit = ConnectionLimit(1, 1)
    with limit.connect("a"), limit.connect("a") as allowed:
        assert not allowed
        assert len(limit) == 1
    assert len(limit) == 0

"""The operator's token, as a header or as the cookie that was given for it."""

from collections.abc import Mapping

import pytest
from starlette.requests import Request

from web.security import operator_auth
from web.security.operator_auth import COOKIE, OperatorAuth, is_local

TOKEN = "the operator's token"


def request(headers: Mapping[str, str], client: tuple[str, int] | None = ("192.0.2.7", 5000)) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "client": client})


def test_the_token_and_nothing_else_is_the_token() -> None:
    auth = OperatorAuth(TOKEN)
    assert auth.enabled
    assert auth.is_token(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), "\ud800"):
        assert not auth.is_token(wrong)


def test_an_empty_token_allows_nothing() -> None:
    auth = OperatorAuth("")
    assert not auth.enabled
    assert not auth.is_token("")
    for headers in ({}, {"Authorization": "Bearer "}, {"Cookie": f"{COOKIE}={auth.cookie()}"}):
        assert not auth.allows(request(headers))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_in_a_header_is_allowed(scheme: str) -> None:
    assert OperatorAuth(TOKEN).allows(request({"Authorization": f"{scheme} {TOKEN}"}))


def test_a_cookie_is_allowed_by_every_gateway_with_the_same_token() -> None:
    cookie = {"Cookie": f"{COOKIE}={OperatorAuth(TOKEN).cookie()}"}
    assert OperatorAuth(TOKEN).allows(request(cookie))
    assert not OperatorAuth("a new token").allows(request(cookie))


def test_a_wrong_token_in_a_header_is_refused_whatever_the_cookie() -> None:
    auth = OperatorAuth(TOKEN)
    assert not auth.allows(request({"Authorization": "Bearer wrong", "Cookie": f"{COOKIE}={auth.cookie()}"}))


def test_a_cookie_is_too_old_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = OperatorAuth(TOKEN)
    cookie = {"Cookie": f"{COOKIE}={auth.cookie()}"}
    monkeypatch.setattr(operator_auth, "COOKIE_S", -1)
    assert not auth.allows(request(cookie))


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        (("127.0.0.1", 1), {}, True),
        (("::1", 1), {}, True),
        (("192.0.2.7", 1), {}, False),
        (("testclient", 1), {}, False),
        (None, {}, False),
        (("127.0.0.1", 1), {"Forwarded": "for=127.0.0.1"}, False),
        (("127.0.0.1", 1), {"X-Real-IP": "127.0.0.1"}, False),
        (("127.0.0.1", 1), {"X-Forwarded-Host": "localhost"}, False),
        (("127.0.0.1", 1), {"Via": "1.1 proxy"}, False),
    ],
)
def test_local_is_only_what_comes_from_this_machine_without_a_proxy(
    client: tuple[str, int] | None, headers: dict[str, str], local: bool
) -> None:
    assert is_local(request(headers, client)) is local

"""Session tokens: only the gateway that signed one, or one with the same secret, accepts it."""

import pytest

from web.security import tokens
from web.security.tokens import BadToken, Tokens


def test_a_token_holds_its_session() -> None:
    signer = Tokens("secret")
    session = signer.new_session()
    assert signer.session(signer.sign(session)) == session


def test_gateways_with_one_secret_accept_each_others_tokens() -> None:
    assert Tokens("secret").session(Tokens("secret").sign("s")) == "s"


@pytest.mark.parametrize("secret", ["another secret", ""])
def test_a_gateway_with_another_secret_does_not(secret: str) -> None:
    with pytest.raises(BadToken):
        Tokens(secret).session(Tokens("secret").sign("s"))


def test_each_gateway_without_a_secret_has_one_of_its_own() -> None:
    with pytest.raises(BadToken):
        Tokens("").session(Tokens("").sign("s"))


@pytest.mark.parametrize("token", ["", "s", "s.x.y", "é", "a" * 10_000])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        Tokens("secret").session(token)


def test_a_token_that_was_changed_is_refused() -> None:
    signer = Tokens("secret")
    _, _, signature = signer.sign("mine").partition(".")
    payload, _, _ = signer.sign("yours").partition(".")
    with pytest.raises(BadToken):
        signer.session(f"{payload}.{signature}")


def test_a_token_is_too_old_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Tokens("secret")
    token = signer.sign("s")
    monkeypatch.setattr(tokens, "MAX_AGE_S", -1)
    with pytest.raises(BadToken, match="reload the page"):
        signer.session(token)


def test_session_ids_are_long_and_differ() -> None:
    ids = {Tokens("secret").new_session() for _ in range(1000)}
    assert len(ids) == 1000
    assert min(map(len, ids)) >= 22  # 128 bits as base64

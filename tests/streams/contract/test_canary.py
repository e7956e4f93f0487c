from streams.contract.canary import canary_name, canary_session, is_canary


def test_a_canary_session_is_known_by_its_id() -> None:
    session = canary_session("gateway-1")
    assert is_canary(session)
    assert canary_name(session) == "gateway-1"


def test_a_browsers_session_is_not_a_canary() -> None:
    assert not is_canary("3f2a-canary-")

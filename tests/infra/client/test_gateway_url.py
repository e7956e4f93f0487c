import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.client.gateway_url import BadUrl, websocket_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),  # as `sightstream up` prints it
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws"),
        ("https://example.org", "wss://example.org/ws"),
        ("https://example.org/vision/", "wss://example.org/vision/ws"),
        ("wss://example.org/a/ws/", "wss://example.org/a/ws"),
        ("ws://[::1]:8000/ws", "ws://[::1]:8000/ws"),
        ("[::1]:8000", "ws://[::1]:8000/ws"),
        (" localhost:8000\n", "ws://localhost:8000/ws"),
        ("HTTP://Example.ORG.", "ws://Example.ORG./ws"),
        ("http://gateway_1:80/a b/\udce9", "ws://gateway_1:80/a%20b/%E9/ws"),
        ("http://user:word@host/", "ws://user:word@host/ws"),
    ],
)
def test_any_form_of_the_gateways_address_leads_to_its_websocket(text: str, url: str) -> None:
    assert websocket_url(text) == url
    assert websocket_url(url) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the name or the IP address"),
        ("http:///ws", "the name or the IP address"),
        ("ftp://host", "not with ftp"),
        ("http://host:65536", "(?i)port"),
        ("http://host:-1", "(?i)port"),
        ("http://host:eighty", "(?i)port"),
        ("http://host:0", "port 0"),
        ("http://[::1", "IPv6"),
        ("::1", "the name or the IP address"),
        ("http://a b", "the name or the IP address"),
        ("http://a..b", "the name or the IP address"),
        ("http://host/?token=x", "what follows the path"),
    ],
)
def test_what_is_no_address_is_named_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason) as error:
        websocket_url(text)
    assert repr(text) in str(error.value)


@given(st.text(st.characters()) | st.from_regex(r"(https?|wss?)://[a-z\[\]:0-9%@/.]*"))
def test_every_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        url = websocket_url(text)
    except BadUrl:
        return
    assert url.startswith(("ws://", "wss://"))
    assert url.endswith("/ws")

"""Which pages may connect, and what the log says of those that may not."""

import logging

import pytest

from web.security.origins import MAX_LOGGED, Origins


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.org", "example.org"),
        ("http://example.org", "example.org:80"),
        ("http://example.org:80", "example.org"),
        ("HTTP://Example.ORG", "eXample.org"),
        ("https://example.org", "example.org:443"),
        ("https://example.org:443", "example.org"),
        ("https://example.org:8443", "example.org:8443"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://[::1]", "[0:0:0:0:0:0:0:1]:80"),
        ("http://[2001:DB8::1]", "[2001:db8::1]"),
        ("http://xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_the_gateways_own_pages_may_connect(origin: str, host: str) -> None:
    assert Origins(()).allows(origin, host, secure=origin.lower().startswith("https"))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.org", "example.org:8000"),
        ("http://example.org:8000", "example.org"),
        ("https://example.org", "example.org:80"),
        ("http://example.org", "example.org:443"),
        ("http://example.org.evil.test", "example.org"),
        ("http://example.org@evil.test", "evil.test"),
        ("http://evil.test", "user@evil.test"),
        ("http://evil.test", "evil.test/path"),
        ("http://evil.test/path", "evil.test"),
        ("http://evil.test?", "evil.test"),
        ("http://[::1]", "[::2]"),
        ("http://[::1", "[::1"),
        ("http://example.org:99999", "example.org:99999"),
        ("http://example.org:x", "example.org:x"),
        ("ftp://example.org", "example.org"),
        ("example.org", "example.org"),
        ("http://", ""),
        ("null", "null"),
        ("", ""),
    ],
)
def test_other_pages_may_not(origin: str, host: str) -> None:
    assert not Origins(()).allows(origin, host, secure=False)


def test_a_program_sends_no_origin_and_may_connect() -> None:
    assert Origins(()).allows(None, "example.org", secure=False)


def test_a_page_without_tls_may_not_use_a_connection_that_has_it() -> None:
    assert not Origins(()).allows("http://example.org", "example.org", secure=True)
    assert Origins(()).allows("https://example.org", "example.org", secure=True)
    assert Origins(()).allows("https://example.org", "example.org", secure=False)  # a proxy ended TLS


@pytest.mark.parametrize("named", ["https://friend.example", "https://FRIEND.example:443/"])
def test_pages_of_the_settings_may_connect_however_they_are_written(named: str) -> None:
    origins = Origins([named])
    assert origins.allows("https://friend.example", "127.0.0.1:8000", secure=False)
    assert not origins.allows("http://friend.example", "127.0.0.1:8000", secure=False)


def test_the_log_says_what_to_set_once_for_each_origin(caplog: pytest.LogCaptureFixture) -> None:
    origins = Origins(())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            origins.allows("https://Vision.example:443", "127.0.0.1:8000", secure=False)
            origins.allows("null", "127.0.0.1:8000", secure=False)
    page, other = caplog.messages
    assert "https://vision.example to SIGHTSTREAM_ORIGINS" in page
    assert "'127.0.0.1:8000'" in page
    assert "'null'" in other


def test_what_is_logged_of_refused_origins_is_limited_and_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    origins = Origins(())
    with caplog.at_level(logging.WARNING):
        for number in range(2 * MAX_LOGGED):
            origins.allows(f"\nhttp://{number}\u2028" + "x" * 5000, "a\nb" * 5000, secure=False)
            origins.allows(f"http://page-{number}.test", "a\nb" * 5000, secure=False)
    assert len(caplog.messages) == MAX_LOGGED
    assert max(map(len, caplog.messages)) < 600
    assert not any(set(each) & set("\n\u2028") for each in caplog.messages)

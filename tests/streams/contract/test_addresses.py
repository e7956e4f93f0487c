import pytest

from streams.contract.addresses import Origin, address, path_prefix


def test_an_address_in_a_url_has_brackets_around_ipv6() -> None:
    assert (address("::1", 80), address("a", 80)) == ("[::1]:80", "a:80")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://Example.org:443/", "https://example.org"),
        ("http://example.org:8000", "http://example.org:8000"),
        ("http://[0:0::1]:80", "http://[::1]"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_in_one_form(text: str, shown: str) -> None:
    assert str(Origin.parse(text)) == shown
    assert Origin.parse(shown) == Origin.parse(text)


@pytest.mark.parametrize("text", ["", "null", "*", "ftp://example.org", "http://a/b", "http://u@a", "http://a:65536"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Origin.parse(text)


@pytest.mark.parametrize(("text", "prefix"), [("/vision/", "/vision"), ("/", ""), ("", ""), ("/a/b.c", "/a/b.c")])
def test_a_path_prefix_has_no_slash_at_its_end(text: str, prefix: str) -> None:
    assert path_prefix(text) == prefix


@pytest.mark.parametrize("text", ["vision", "//evil", "/a/../b", "/a b", "/ws", "/a\n"])
def test_what_is_no_path_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        path_prefix(text)

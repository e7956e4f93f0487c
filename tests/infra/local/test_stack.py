from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from infra.local.own_addresses import main_address
from infra.local.own_certificate import own_certificate
from infra.local.stack import Stack
from streams.contract.settings import Settings


def stack(folder: Path, reported: list[str], **settings: object) -> Stack:
    return Stack(
        Settings(port=8000).replace(**settings),
        folder,
        brokers=1,
        workers=1,
        gateways=1,
        console=Console(stderr=True),
        report_progress=reported.append,
    )


@pytest.mark.parametrize(
    ("host", "url", "websocket"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("::1", "http://[::1]:8000", "ws://[::1]:8000/ws"),
        ("gateway", "http://gateway:8000", "ws://gateway:8000/ws"),
    ],
)
def test_a_url_has_an_ipv6_address_in_brackets(tmp_path: Path, host: str, url: str, websocket: str) -> None:
    stack_at = stack(tmp_path, [], host=host)
    assert (stack_at.url, stack_at.websocket) == (url, websocket)


def test_on_all_addresses_programs_use_loopback_and_people_another_address(tmp_path: Path) -> None:
    stack_at = stack(tmp_path, [], host="0.0.0.0")
    assert (stack_at.url, stack_at.websocket) == ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws")
    assert stack_at.page_urls[0] == f"http://{main_address('0.0.0.0')}:8000"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["vision.example", "127.0.0.1"], "vision.example"),
        ([main_address("0.0.0.0"), "vision.example"], main_address("0.0.0.0")),
        (["10.9.8.7"], "10.9.8.7"),
    ],
)
def test_people_open_a_name_that_the_certificate_has(tmp_path: Path, names: list[str], shown: str) -> None:
    own = own_certificate(tmp_path, names, "--data-dir")
    stack_at = stack(tmp_path, [], host="0.0.0.0", tls_cert=str(own.certificate))
    assert (stack_at.url, stack_at.websocket) == ("https://127.0.0.1:8000", "wss://127.0.0.1:8000/ws")
    assert stack_at.page_urls[0] == f"https://{shown}:8000"


def test_a_step_with_the_name_of_a_folder_or_a_log_line_is_shown_as_it_is(tmp_path: Path) -> None:
    reported: list[str] = []
    stack(tmp_path, reported).report_progress("last line: [/red] [INFO] caf\udce9\n(see /a [b]/log)")
    assert Text.from_markup(reported[0]).plain == r"last line: [/red] [INFO] caf\xe9\n(see /a [b]/log)"

import json
import logging
import sys
import time
from collections.abc import Iterator

import pytest

from streams.contract.canary import canary_session
from streams.contract.logs import (
    JsonLines,
    TextLines,
    about,
    configuration,
    configure,
    session_shown,
    without_queries,
)
from streams.contract.messages import Frame, Prediction
from streams.contract.settings import Settings


@pytest.fixture
def fresh_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restores the configuration of logging after the test.

    The new one leaves the old handlers open: absl's would close its stream, which may be pytest's.
    """
    monkeypatch.setattr(logging, "shutdown", lambda *_: None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("streams", "web", "models", "infra")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    [text] = capsys.readouterr().out.splitlines()
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.usefixtures("fresh_logging")
def test_a_line_about_a_frame_has_its_session_and_number(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log="json"))
    log = logging.getLogger("streams.agents")
    log.warning("rejected a frame: %s", "no\npicture", extra=about(Frame(session="abc", seq=7)))
    found = line(capsys)
    assert (found["session"], found["seq"], found["level"]) == ("abc", 7, "WARNING")
    assert (found["logger"], found["message"]) == ("streams.agents", "rejected a frame: no\npicture")
    assert str(found["time"]).endswith("+00:00")


@pytest.mark.usefixtures("fresh_logging")
def test_a_line_that_is_not_about_a_frame_has_neither(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log="json"))
    logging.getLogger("another.library").warning("Started server")
    assert line(capsys).keys() == {"time", "level", "logger", "message"}


@pytest.mark.usefixtures("fresh_logging")
def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log="json"))
    try:
        raise ValueError("what\nnow")
    except ValueError:
        logging.getLogger("web").exception("it failed")
    assert "ValueError: what\nnow" in str(line(capsys)["error"])


def test_a_line_has_only_the_beginning_of_a_session_id_which_gives_access_to_statistics(
    capsys: pytest.CaptureFixture[str], fresh_logging: None
) -> None:
    configure(Settings(log="json"))
    logging.getLogger("web.hub").warning("slow", extra=about(Frame(session="Zq3-xY_0123456789abcde", seq=7)))
    assert line(capsys)["session"] == "Zq3-xY…"
    assert session_shown(canary_session("host-12345678")) == canary_session("host-12345678")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '127.0.0.1:5 - "WebSocket /ws?token=abc&pending=1" [accepted]',
            '127.0.0.1:5 - "WebSocket /ws?…" [accepted]',
        ),
        ('"WebSocket /ws?a="&token=abc" 403', '"WebSocket /ws?…" 403'),
        ("GET http://host/a/b?x=/ws?token=abc", "GET http://host/a/b?…"),
        ("see <https://host?token=abc>", "see <https://host?…>"),
        ("/ws?token=abc\n/stats?token=abc\n", "/ws?…\n/stats?…\n"),
        (
            "and/or? Did you mean SIGHTSTREAM_PORT? Known are a, b",
            "and/or? Did you mean SIGHTSTREAM_PORT? Known are a, b",
        ),
    ],
)
def test_the_query_of_an_address_is_left_out(text: str, shown: str) -> None:
    assert without_queries(text) == shown


@pytest.mark.parametrize("part", ["/", "?", "/?", "?'", "'", "?'a"])
def test_a_long_text_of_odd_signs_takes_no_long_time(part: str) -> None:
    started = time.process_time()
    without_queries(f"/ws?{part * 100_000} end")
    without_queries(part * 100_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()])
def test_no_query_is_in_a_message_its_arguments_or_its_traceback(lines: logging.Formatter) -> None:
    try:
        raise ValueError("/ws?token=abc")
    except ValueError:
        error = sys.exc_info()
    record = logging.makeLogRecord({"msg": "%s failed", "args": ("/ws?token=abc",), "exc_info": error})
    assert "token" not in lines.format(record)


@pytest.mark.parametrize("session", [10**100, "\ud800", b"\xff", ["a"], None])
def test_a_line_about_a_broken_message_is_still_one_line_of_json(session: object) -> None:
    record = logging.makeLogRecord({"msg": "rejected", "session": session, "seq": session})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"].strip("'") == "rejected"


@pytest.mark.usefixtures("fresh_logging")
def test_only_our_own_packages_log_details(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log="json", log_level="DEBUG"))
    logging.getLogger("aiokafka").debug("a heartbeat")
    logging.getLogger("streams.agents").debug(
        "a frame was answered", extra=about(Prediction("s", 3, "answered", "w"))
    )
    assert line(capsys)["seq"] == 3


@pytest.mark.usefixtures("fresh_logging")
def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_level="WARNING"))
    logging.getLogger("web.hub").info("not shown")
    logging.getLogger("web.hub").warning("shown")
    assert capsys.readouterr().out.strip().endswith("WARNING web.hub: shown")
    assert configuration(Settings())["root"]["level"] == "INFO"

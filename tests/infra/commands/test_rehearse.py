"""What a rehearsal makes of the answers it saw."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.client.media_source import MediaFrame
from infra.commands.__main__ import main
from infra.commands.rehearse import Book
from web.messages import Labels

SHOT = MediaFrame(Path("cat.jpg"), b"")


def test_answers_count_for_the_part_in_which_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("infra.commands.rehearse.time.monotonic", lambda: now[0])
    book = Book()

    def answer(at: float, ms: float, version: str) -> None:
        now[0] = at
        message = Labels(1, [], "net", version, 224, {})
        book.note(SHOT, message, ms)

    answer(0.5, 900.0, "1")  # while everything warms up
    now[0] = 1.0
    book.begin("before")
    answer(2.0, 10.0, "1")
    answer(3.0, 20.0, "1")
    now[0] = 5.0
    book.begin("promotion")
    answer(6.0, 40.0, "2")
    now[0] = 8.0
    figures = book.figures()
    assert {part: (each["seconds"], each["answered"], each["p99"]) for part, each in figures.items()} == {
        "before": (4.0, 2, 20.0),
        "promotion": (3.0, 1, 40.0),
    }


def test_what_is_no_bundle_is_named_before_anything_starts(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["rehearse", str(tmp_path)])
    assert result.exit_code == 1
    assert "is no bundle" in result.output

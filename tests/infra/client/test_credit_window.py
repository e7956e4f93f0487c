"""The credit window, by the table of cases that the page's window follows too."""

import json
from typing import Any

import pytest

from infra.client.credit_window import CreditWindow
from tests import ROOT

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "credit_window_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_window_follows_the_table_that_the_page_follows(case: dict[str, Any]) -> None:
    window = CreditWindow(case["credits"])
    sizes = []
    for event in case["events"]:
        window.answered() if event == "answered" else window.superseded()
        sizes.append(window.size)
    assert sizes == case["sizes"]


def test_window_starts_with_all_credits() -> None:
    assert CreditWindow(4).size == 4

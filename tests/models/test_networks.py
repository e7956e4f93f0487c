import subprocess
import sys

import pytest

from models.networks import (
    NETWORKS,
    UNSURE_BELOW,
    Head,
    OtherNetwork,
    UnknownNetwork,
    View,
    backbone,
    facts,
    set_tensors,
    tensors_of,
    with_head,
)


def test_facts_need_no_tensorflow() -> None:
    code = "import sys, models.networks; print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("efficientnet")])
def test_efficientnets_are_framed_as_their_published_accuracies_were_measured(name: str) -> None:
    size = facts(name).input_size
    assert facts(name).view == View(size, size / (size + 32))


def test_of_every_published_network_it_is_known_when_it_is_not_sure() -> None:
    assert UNSURE_BELOW.keys() == NETWORKS.keys()
    assert all(0 < probability < 1 for probability in UNSURE_BELOW.values())


def test_facts_of_an_unknown_network_name_the_known_ones() -> None:
    with pytest.raises(UnknownNetwork, match=r"'resnet'.*efficientnet_lite0"):
        facts("resnet")


@pytest.mark.model
def test_backbones_pool_their_features() -> None:
    widths = {name: backbone(name).output.shape for name in NETWORKS if name != "efficientnet_lite1"}
    assert widths == {
        "efficientnet_lite0": (None, 1280),
        "efficientnet_lite2": (None, 1280),
        "inception_v3": (None, 2048),
    }


@pytest.mark.model
def test_weights_have_the_same_names_in_every_build() -> None:
    first, second = (with_head(backbone("inception_v3"), Head(2)) for _ in range(2))
    tensors = tensors_of(first)
    assert list(tensors) == list(tensors_of(second))
    set_tensors(second, tensors)
    given = tensors_of(second)
    assert all((given[name] == tensor).all() for name, tensor in tensors.items())


@pytest.mark.model
def test_weights_of_another_network_are_refused() -> None:
    model = with_head(backbone("efficientnet_lite0"), Head(2))
    with pytest.raises(OtherNetwork, match="logits"):
        set_tensors(model, tensors_of(with_head(backbone("efficientnet_lite0"), Head(3))))

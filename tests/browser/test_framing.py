"""A network gets the same tensor of a picture in training, from `classify`, `evaluate`, `stream` and the page."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

from infra.client.client import Client
from infra.client.media_source import MediaSource
from infra.commands.classify import results
from models.bundle import Bundle, Manifest
from models.classifier import Classifier
from models.engines.base import OnRoom, ignore_room
from models.images import read_frame
from models.networks import Head, Network, facts
from models.storage import sha256
from streams.contract.messages import ServedModel
from tests import SAMPLES
from tests.browser.page_driver import until
from tests.fakes.browser.gateway import FakeGateway
from training.dataset import Picture
from training.evaluation_set import EvaluationPicture, classify_pictures
from training.features import Extractor, extract
from web.hub import model_info

pytestmark = pytest.mark.browser

NETWORKS = (
    facts("efficientnet_lite0"),
    facts("efficientnet_lite2"),
    Network("efficientnet_lite1", 128, mean=127, scale=128, crop=0.6),
)
SIZES = ((640, 480), (480, 640), (1500, 1100))  # a large picture is made smaller by the page in several steps
NEAR = 5.0  # levels of 255, in the mean: JPEG takes 1 to 3 of them, and more where a slow machine lowers its quality
OTHER = 15.0  # less than the difference of pictures that are cut otherwise


class Recorder:
    """An engine that keeps the pictures which it gets."""

    name, precision, buckets = "recorder", "f32", (1, 8)

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.uint8]] = []

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        self.pictures += list(batch)
        return np.full((len(batch), 2), 0.5, np.float32)

    def close(self) -> None:
        """There is nothing to give back."""


class RecordingExtractor:
    """An extractor that keeps the pictures which it gets."""

    key, width = "recorded", 1

    def __init__(self, network: Network) -> None:
        self.view = network.view
        self.pictures: list[NDArray[np.uint8]] = []

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.pictures += list(pixels)
        return np.zeros((len(pixels), self.width), np.float32)


def classifier(network: Network, engine: Recorder) -> Classifier:
    manifest = Manifest("net", network, Head(2), ("cat", "dog"))
    return Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), engine)


def in_training(network: Network, file: Path) -> NDArray[np.uint8]:
    extractor = RecordingExtractor(network)
    with TemporaryDirectory() as features:
        extract([Picture(file, 0, sha256(file))], cast(Extractor, extractor), Path(features))
    return extractor.pictures[0]


def by_classify(network: Network, file: Path) -> NDArray[np.uint8]:
    engine = Recorder()
    list(results(classifier(network, engine), [file]))
    return engine.pictures[0]


def by_evaluate(network: Network, file: Path) -> NDArray[np.uint8]:
    engine = Recorder()
    classify_pictures(classifier(network, engine), [EvaluationPicture(file, (0,))], file.parent)
    return engine.pictures[0]


def serve(gateway: FakeGateway, network: Network, name: str = "net", version: str = "1") -> None:
    """Serve a model of this network from now on, and say so, as worker and gateway would."""
    view = classifier(network, Recorder()).view
    served = ServedModel(name, version, view.size, crop=view.crop)
    model: dict[str, Any] = msgspec.to_builtins(model_info(served))
    gateway.model, gateway.models = model, [model]
    gateway.send({"type": "models", "models": [model], "model": model})


def by_stream(gateway: FakeGateway, network: Network, file: Path) -> NDArray[np.uint8]:
    before = len(gateway.uploads)
    client = Client(f"ws://127.0.0.1:{gateway.port}/ws", MediaSource([file]).frames)
    with ThreadPoolExecutor(1) as thread:  # Playwright has an event loop in this one
        thread.submit(asyncio.run, client.run(10)).result()
    return read_frame(gateway.uploads[before].jpeg, network.input_size)


def by_page(page: Page, gateway: FakeGateway, network: Network, file: Path) -> NDArray[np.uint8]:
    """The first frame of the picture. No frame of another one is on its way then: the page was stopped before."""
    before = len(gateway.uploads)
    page.get_by_label("Picture or video").set_input_files(file)
    until(page, lambda: len(gateway.uploads) > before)
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: page.evaluate("sightstream.counts.pending") == 0)
    return read_frame(gateway.uploads[before].jpeg, network.input_size)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same photograph in several sizes and shapes. Each crop shows another part of it."""
    folder = tmp_path_factory.mktemp("pictures")
    with Image.open(SAMPLES / "coffee.jpg") as photograph:
        for size in SIZES:
            photograph.resize(size, Image.Resampling.BICUBIC).save(folder / f"{size[0]}x{size[1]}.bmp")
    return sorted(folder.glob("*.bmp"))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_all_ways_to_a_network_give_it_the_same_tensor(
    page: Page, gateway: FakeGateway, pictures: list[Path], network: Network
) -> None:
    serve(gateway, network)
    for file in pictures:
        taught = in_training(network, file)
        assert (by_classify(network, file) == taught).all()
        assert (by_evaluate(network, file) == taught).all()
        assert difference(by_stream(gateway, network, file), taught) < NEAR
        assert difference(by_page(page, gateway, network, file), taught) < NEAR


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": "2"}], ids=["another model", "a promotion"])
def test_a_picture_is_cut_and_sent_anew_when_the_model_changes(
    page: Page, gateway: FakeGateway, pictures: list[Path], change: dict[str, str]
) -> None:
    first, _, second = NETWORKS
    serve(gateway, first)
    page.get_by_label("Picture or video").set_input_files(pictures[0])
    until(page, lambda: gateway.uploads)
    before = read_frame(gateway.uploads[0].jpeg, second.input_size)
    serve(gateway, second, **change)
    size = second.input_size
    until(page, lambda: Image.open(BytesIO(gateway.uploads[-1].jpeg)).size == (size, size))
    after = read_frame(gateway.uploads[-1].jpeg, second.input_size)
    assert difference(after, in_training(second, pictures[0])) < NEAR
    assert difference(after, before) > OTHER

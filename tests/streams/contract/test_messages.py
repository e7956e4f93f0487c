import json
import struct

import pytest

from streams.contract.messages import Frame, Label, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Stage
from tests import SAMPLES

JPEG = (SAMPLES / "cat.jpg").read_bytes()


def test_a_frame_comes_back_with_every_byte_of_its_picture() -> None:
    frame = Frame(session="s", seq=7, model="m", captured=1.5, received=2.5, echoes=[[6, 31.25]], jpeg=JPEG)
    assert Frame.loads(frame.dumps()) == frame


def test_a_prediction_comes_back_with_its_labels() -> None:
    prediction = Prediction(
        session="s",
        seq=1,
        outcome="answered",
        stage=Stage.WORKER,
        labels=[Label(281, "tabby", 0.5), Label(282, "tiger cat", 0.25)],
        model="m",
        version="v",
        input_size=260,
        times={"captured": 1.0, "published": 2.0},
        echoes=[[1, 2.0]],
    )
    again = Prediction.loads(prediction.dumps())
    assert again == prediction
    assert again.labels[0].label == "tabby"


def test_a_workers_status_comes_back() -> None:
    status = WorkerStatus(worker="w", at=1.0, models=[ServedModel("m", "v", 224, "openvino", "bf16")])
    assert WorkerStatus.loads(status.dumps()) == status


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"session": ""}, "session"),
        ({"session": 5}, "session"),
        ({"seq": 0}, "sequence"),
        ({"seq": "1"}, "sequence"),
        ({"seq": True}, "sequence"),
        ({"model": 5}, "model"),
        ({"received": "now"}, "time"),
        ({"echoes": 3}, "echoes"),
    ],
)
def test_an_invalid_frame_says_why(change: dict[str, object], reason: str) -> None:
    header = json.dumps({"session": "s", "seq": 1, **change}).encode()
    frame = Frame.loads(struct.pack("!BI", 1, len(header)) + header + JPEG)
    assert reason in frame.invalid_reason()


def test_a_valid_frame_has_no_reason() -> None:
    assert Frame(session="s", seq=1, jpeg=JPEG).invalid_reason() == ""


def test_a_prediction_names_all_frames_with_its_outcome() -> None:
    assert Prediction(session="s", seq=3, outcome="stale", stage=Stage.GATEWAY, also=[4, 5]).seqs == [3, 4, 5]

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contract.messages import Frame, Label, Message, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome, Stage
from tests import SAMPLES
from tests.fakes.odd_records import odd_fields

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
    status = WorkerStatus(worker="w", at=1.0, models=[ServedModel("m", "v", 224, "openvino", "bf16", 0.875, 0.3)])
    assert WorkerStatus.loads(status.dumps()) == status


def test_models_of_older_workers_are_shown_whole_squares_and_never_called_unsure() -> None:
    [model] = WorkerStatus.loads(message(VALID[WorkerStatus])).models
    assert (model.crop, model.unsure_below) == (1.0, 0.0)


MODEL: dict[str, object] = {"name": "m", "version": "v", "input_size": 224}
VALID: dict[type[Message], dict[str, object]] = {
    Frame: {"session": "s", "seq": 1, "model": "m", "captured": 1.0, "received": 2.0, "echoes": [[1, 2.5]]},
    Prediction: {
        "session": "s",
        "seq": 2,
        "outcome": "answered",
        "stage": "worker",
        "labels": [{"index": 281, "label": "tabby", "probability": 0.5}],
        "times": {"captured": 1.0, "published": 2.0},
        "echoes": [[1, 2.5]],
        "also": [3],
    },
    WorkerStatus: {
        "worker": "w",
        "at": 1.0,
        "models": [MODEL],
        "batch_sizes": [[1, 2]],
        "lag": {"0": 3},
        "drops": {"stale": 1},
    },
}


def message(fields: dict[str, object]) -> bytes:
    header = json.dumps(fields).encode()
    return struct.pack("!BI", 1, len(header)) + header


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (Frame, {"session": ""}, "no session"),
        (Frame, {"session": 5}, "session"),
        (Frame, {"session": "s" * 1000}, "session"),
        (Frame, {"seq": 0}, "sequence number 0"),
        (Frame, {"seq": 2**32}, "sequence number"),
        (Frame, {"seq": "1"}, "seq"),
        (Frame, {"seq": True}, "seq"),
        (Frame, {"model": 5}, "model"),
        (Frame, {"received": "now"}, "received"),
        (Frame, {"received": 1e300}, "time"),
        (Frame, {"echoes": 3}, "echoes"),
        (Frame, {"echoes": [[1]]}, "echo"),
        (Frame, {"echoes": [[1, -1]]}, "echo"),
        (Prediction, {"outcome": 5}, "outcome"),
        (Prediction, {"stage": None}, "stage"),
        (Prediction, {"labels": [None]}, "labels"),
        (Prediction, {"labels": [{"index": 1, "label": "cat", "probability": 1.5}]}, "probability"),
        (Prediction, {"labels": [{"index": 1, "label": 7, "probability": 0.5}]}, "label"),
        (Prediction, {"times": {"captured": None}}, "times"),
        (Prediction, {"also": [0]}, "sequence number 0"),
        (Prediction, {"input_size": -1}, "input size"),
        (WorkerStatus, {"worker": ""}, "no worker"),
        (WorkerStatus, {"at": "soon"}, "at"),
        (WorkerStatus, {"models": None}, "models"),
        (WorkerStatus, {"models": [MODEL | {"input_size": 0}]}, "input size"),
        (WorkerStatus, {"models": [MODEL | {"crop": 0}]}, "crop"),
        (WorkerStatus, {"models": [MODEL | {"crop": 1.5}]}, "crop"),
        (WorkerStatus, {"models": [MODEL | {"crop": "whole"}]}, "crop"),
        (WorkerStatus, {"models": [MODEL | {"unsure_below": -0.1}]}, "unsure below"),
        (WorkerStatus, {"models": [MODEL | {"unsure_below": 2}]}, "unsure below"),
        (WorkerStatus, {"lag": {"first": 3}}, "lag"),
        (WorkerStatus, {"batch_sizes": [[1]]}, "batch sizes"),
        (WorkerStatus, {"drops": {"stale": -1}}, "count"),
    ],
)
def test_an_invalid_message_is_a_value_error_that_says_why(
    kind: type[Message], change: dict[str, object], reason: str
) -> None:
    assert kind.loads(message(VALID[kind]))
    with pytest.raises(ValueError, match=reason):
        kind.loads(message(VALID[kind] | change))


@pytest.mark.parametrize("kind", VALID)
def test_foreign_fields_replace_nothing_of_a_message(kind: type[Message]) -> None:
    foreign = {"invalid_reason": 1, "seqs": 1, "dumps": 1, "__faust": {"ns": "streams.contract.messages.Label"}}
    read = kind.loads(message(VALID[kind] | foreign))
    assert read == kind.loads(message(VALID[kind]))
    assert kind.loads(read.dumps()) == read


@pytest.mark.parametrize("kind", VALID)
@given(data=st.data())
def test_whatever_a_header_holds_it_is_a_valid_message_or_a_value_error(
    kind: type[Message], data: st.DataObject
) -> None:
    fields = data.draw(odd_fields(VALID[kind]))
    try:
        read = kind.loads(message(fields))
    except ValueError:
        return
    assert read.invalid_reason() == ""
    assert kind.loads(read.dumps()) == read


def test_a_prediction_names_all_frames_with_its_outcome() -> None:
    assert Prediction(session="s", seq=3, outcome="stale", stage=Stage.GATEWAY, also=[4, 5]).seqs == [3, 4, 5]


def test_the_answer_none_of_these_is_a_valid_label() -> None:
    prediction = Prediction("s", 1, Outcome.ANSWERED, Stage.WORKER, labels=[Label(-1, "none of these", 0.98)])
    assert Prediction.loads(prediction.dumps()) == prediction

"""Messages as processes of this release and of earlier ones put them into Kafka, byte for byte: all are still read.

A change that breaks a test here breaks a rolling upgrade: infra/deploy/upgrade.md says how to make it instead.
"""

from streams.contract.messages import AgreedModel, Agreement, Frame, Label, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome, Stage
from streams.contract.stats import SessionStats

FRAME = (
    b'\x01\x00\x00\x00\x81{"session":"s-1","seq":7,"model":"efficientnet_lite2","captured":1700000000000.5,'
    b'"received":1700000000004.0,"echoes":[[6,31.25]]}\xff\xd8\xff\xe0picture'
)
SHORT_FRAME = b'\x01\x00\x00\x00\x19{"session":"s-1","seq":1}\xff\xd8'
ANSWER = (
    b'\x01\x00\x00\x01\x42{"session":"s-1","seq":7,"outcome":"answered","stage":"worker","message":"",'
    b'"labels":[{"index":281,"label":"tabby","probability":0.75}],"model":"efficientnet_lite2","version":"3f2a",'
    b'"input_size":260,"times":{"captured":1700000000000.5,"received":1700000000004.0,"published":1700000000031.0},'
    b'"echoes":[[6,31.25]],"also":[]}'
)
DROP = b'\x01\x00\x00\x00\x47{"session":"s-1","seq":2,"outcome":"stale","stage":"worker","also":[3]}'
STATUS = (
    b'\x01\x00\x00\x01\x20{"worker":"w-1","at":1700000000000.0,"models":[{"name":"m","version":"3f2a",'
    b'"input_size":260,"engine":"openvino","precision":"f32","crop":0.875,"unsure_below":0.3}],"error":"",'
    b'"batch_sizes":[[8,3]],"fps":12.5,"queue_age_ms":20.0,"waiting":2,"lag":{"0":3},"drops":{"stale":1},"rejected":1}'
)
SHORT_STATUS = (
    b'\x01\x00\x00\x00\x5c{"worker":"w-1","at":1700000000000.0,"models":'
    b'[{"name":"m","version":"v","input_size":224}]}'
)
AGREEMENT = (
    b'\x01\x00\x00\x00\x76{"models":[{"name":"m","model":"efficientnet_lite2","version":"3f2a"}'
    b'],"configured":["efficientnet_lite2"],"by":"w-1"}'
)
STATISTICS = (
    b'\x01\x00\x00\x02\x53{"session":"s-1","started":1700000000000.0,"last_seen":1700000003900.0,"answered":1,'
    b'"expired":1,"dropped":{"stale":2},"labels":{"tabby":[1,0.75,0.0,1]},"top":["tabby",1,0,0.0,1,1700000000032.0],'
    b'"steady":["tabby",1,1700000000004.0,0,{"tabby":0.75,"tiger cat":0.125}],"models":[["v1",1,"m"]],'
    b'"latency":[79,1],"hops":{"received":[29,1],"queued":[15,1],"decoded":[29,1],"classified":[62,1],'
    b'"published":[0,1],"delivered":[55,1]},"unechoed":[],"history":[[1700000000,2,1,2,0,[79,1],'
    b'[4.0,2.0,4.0,20.0,1.0,14.5],[0,1]]],"slot":[1700000002,2,0,0,1,[],[0.0,0.0,0.0,0.0,0.0,0.0],[]],'
    b'"floor":3,"beyond":[5]}'
)


def of_a_later_release(message: bytes, fields: bytes) -> bytes:
    """A recorded message with more fields at the start of its header."""
    header = b"{" + fields + b"," + message[6:]
    grown = len(header) - len(message[5:])
    return message[:1] + (int.from_bytes(message[1:5]) + grown).to_bytes(4) + header


def test_a_frame_is_read() -> None:
    frame = Frame.loads(FRAME)
    assert (frame.session, frame.seq, frame.model) == ("s-1", 7, "efficientnet_lite2")
    assert (frame.captured, frame.received, frame.echoes) == (1700000000000.5, 1700000000004.0, [[6, 31.25]])
    assert frame.jpeg == b"\xff\xd8\xff\xe0picture"


def test_a_prediction_is_read() -> None:
    answer = Prediction.loads(ANSWER)
    assert (answer.outcome, answer.stage, answer.seqs) == (Outcome.ANSWERED, Stage.WORKER, [7])
    assert answer.labels == [Label(281, "tabby", 0.75)]
    assert (answer.model, answer.version, answer.input_size) == ("efficientnet_lite2", "3f2a", 260)
    assert answer.times["published"] == 1700000000031.0


def test_a_workers_status_is_read() -> None:
    status = WorkerStatus.loads(STATUS)
    assert status.models == [ServedModel("m", "3f2a", 260, "openvino", "f32", 0.875, 0.3)]
    assert (status.worker, status.fps, status.lag, status.drops) == ("w-1", 12.5, {"0": 3}, {"stale": 1})


def test_what_a_pool_has_agreed_on_is_read() -> None:
    agreed = Agreement.loads(AGREEMENT)
    assert agreed.models == [AgreedModel("m", "efficientnet_lite2", "3f2a")]
    assert (agreed.configured, agreed.by) == (["efficientnet_lite2"], "w-1")


def test_a_sessions_statistics_are_read_with_every_count() -> None:
    stats = SessionStats.loads(STATISTICS)
    assert (stats.answered, stats.expired, stats.dropped, stats.sent) == (1, 1, {"stale": 2}, 4)
    assert (stats.floor, stats.above_floor, stats.smoothed.label) == (3, {5}, "tabby")
    assert sum(stats.latency.values()) == 1


def test_messages_without_the_fields_that_came_later_have_their_defaults() -> None:
    assert Frame.loads(SHORT_FRAME) == Frame(session="s-1", seq=1, jpeg=b"\xff\xd8")
    assert Prediction.loads(DROP) == Prediction("s-1", 2, Outcome.STALE, Stage.WORKER, also=[3])
    assert WorkerStatus.loads(SHORT_STATUS) == WorkerStatus("w-1", 1700000000000.0, [ServedModel("m", "v", 224)])


def test_fields_that_only_a_later_release_knows_are_left_out() -> None:
    assert Frame.loads(of_a_later_release(FRAME, b'"region":[0,1]')) == Frame.loads(FRAME)
    assert Prediction.loads(of_a_later_release(ANSWER, b'"boxes":[]')) == Prediction.loads(ANSWER)
    assert WorkerStatus.loads(of_a_later_release(STATUS, b'"gpu":null')) == WorkerStatus.loads(STATUS)
    assert SessionStats.loads(of_a_later_release(STATISTICS, b'"mood":"good"')) == SessionStats.loads(STATISTICS)


def test_a_drop_for_a_reason_of_a_later_release_is_counted_as_a_drop() -> None:
    drop = Prediction.loads(
        b'\x01\x00\x00\x00\x49{"session":"s-1","seq":2,"outcome":"blurred","stage":"worker","also":[3]}'
    )
    stats = SessionStats("s-1", 0.0, 0.0)
    assert stats.add(drop, 1.0)
    assert stats.dropped == {Outcome.OTHER_REASON: 2}
    assert SessionStats.loads(stats.dumps()) == stats


def test_an_outcome_that_a_stage_of_a_later_release_decided_is_read() -> None:
    drop = Prediction.loads(b'\x01\x00\x00\x00\x3a{"session":"s-1","seq":2,"outcome":"stale","stage":"edge"}')
    assert (drop.outcome, drop.stage) == (Outcome.STALE, Stage.OTHER)

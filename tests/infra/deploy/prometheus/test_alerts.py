"""Each alert fires in its situation and in no other: the rules are evaluated on metrics that real code exports."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.scrape_targets import write_targets
from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.metrics import Metrics as WorkerMetrics
from tests import ROOT
from tests.fakes.promql import Labels, Recording, Vector, evaluate, quantile, rate, slope
from tests.infra.deploy.grafana.test_dashboards import unknown
from web.metrics import Metrics as GatewayMetrics

FOLDER = ROOT / "infra" / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
CONFIGURATION = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
EVERY_S = 3 * float(CONFIGURATION["global"]["scrape_interval"].removesuffix("s"))  # coarser, which saves time
TROUBLE_S, WELL_AGAIN_S, END_S = 180.0, 480.0, 900.0


@dataclass(frozen=True)
class Situation:
    """What happens in each second: frames by outcome, their round trips in ms, and the state of the processes."""

    outcomes: Mapping[Outcome, int] = field(default_factory=lambda: {Outcome.ANSWERED: 20})
    round_trips: tuple[float, ...] = (40.0, 60.0)
    ready: bool = True
    lag: Callable[[float], int] = lambda seconds: 3  # of one partition, after so many seconds of the situation
    gateway: bool = True
    worker: bool = True


WELL = Situation()
DROPS = {Outcome.ANSWERED: 8, Outcome.SUPERSEDED: 10, Outcome.STALE: 6}


@dataclass
class Stack:
    """The metrics of a gateway and a worker, counted by their own code, and scraped like by Prometheus."""

    folder: Path
    now: float = 0.0
    gateway: GatewayMetrics = field(default_factory=GatewayMetrics)
    recording: Recording = field(default_factory=Recording)
    lag: int = 0
    ready: bool = True

    def __post_init__(self) -> None:
        self.worker = WorkerMetrics(clock=lambda: self.now)
        self.gateway.ready.read = lambda: self.ready
        groups = json.loads(
            write_targets(self.folder, {"gateway-1": "127.0.0.1:8000"}, {"worker-1": "127.0.0.1:9000"}).read_text()
        )
        self.targets = [{"job": "sightstream", "instance": each["targets"][0], **each["labels"]} for each in groups]

    def pass_time(self, situation: Situation, seconds: float, since: float) -> None:
        """Count what happens in so many seconds, and scrape."""
        for outcome, frames in situation.outcomes.items():
            count = round(frames * seconds)
            labels = [Label("0", "cup", 0.9)] if outcome == Outcome.ANSWERED else []
            prediction = Prediction("s" * 22, 1, outcome, Stage.WORKER, labels=labels, model="lite2", version="1")
            self.gateway.received.add(count)
            self.gateway.count_outcome(prediction, count)
            for _ in range(count if situation.worker and outcome != Outcome.EXPIRED else 0):
                self.worker.count_outcome(prediction)
        for milliseconds in situation.round_trips:
            self.gateway.count_round_trip(milliseconds, {})
        self.now += seconds
        self.ready = situation.ready
        self.worker.lag = {0: situation.lag(since), 1: 0}
        texts = (self.gateway.text(), situation.gateway), (self.worker.text(), situation.worker)
        for target, (text, answers) in zip(self.targets, texts, strict=True):
            self.recording.scrape(self.now, target, text.decode() if answers else None)


def fired(
    folder: Path, before: Situation, trouble: Situation, trouble_s: float = WELL_AGAIN_S - TROUBLE_S
) -> set[str]:
    """The alerts that fire while there is trouble. At the end, when all has been well for a while, none may fire."""
    stack, since, found = Stack(folder), dict[tuple[str, Labels], float](), set[str]()
    firing: set[str] = set()
    while stack.now < END_S:
        in_trouble = TROUBLE_S <= stack.now < TROUBLE_S + trouble_s
        stack.pass_time(
            trouble if in_trouble else before if stack.now < TROUBLE_S else WELL, EVERY_S, stack.now - TROUBLE_S
        )
        firing = set()
        for rule in RULES:
            active = evaluate(rule["expr"], stack.recording, stack.now)
            assert isinstance(active, dict)
            name = rule["alert"]
            since = {key: at for key, at in since.items() if key[0] != name or key[1] in active}
            for labels in active:
                at = since.setdefault((name, labels), stack.now)
                if stack.now - at >= seconds_of(rule["for"]):
                    firing.add(name)
        found |= firing
    assert not firing
    return found


def seconds_of(duration: str) -> float:
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


@pytest.mark.parametrize(
    ("trouble", "alerts"),
    [
        (WELL, set()),
        (replace(WELL, outcomes={}, round_trips=()), set()),  # nobody sends anything
        (replace(WELL, outcomes={Outcome.EXPIRED: 20}, round_trips=()), {"AnswersStopped"}),
        (replace(WELL, outcomes={Outcome.FAILED: 20}, round_trips=()), {"AnswersStopped"}),
        (replace(WELL, outcomes=DROPS, round_trips=(300.0, 560.0)), {"FramesWithoutLabels"}),
        (replace(WELL, outcomes={Outcome.ANSWERED: 18, Outcome.SUPERSEDED: 2}), set()),
        (replace(WELL, ready=False), {"SelfTestFails"}),
        (replace(WELL, round_trips=(40.0,) * 9 + (1800.0,)), {"Slow"}),
        (replace(WELL, lag=lambda seconds: int(12 * seconds)), {"LagGrows"}),
        (replace(WELL, lag=lambda seconds: max(0, int(5000 - 12 * seconds))), set()),
        (replace(WELL, gateway=False), {"ProcessDown"}),
        (replace(WELL, worker=False, outcomes={Outcome.EXPIRED: 20}, ready=False, round_trips=()),
         {"ProcessDown", "AnswersStopped", "SelfTestFails"}),
    ],
    ids=["well", "nobody", "no answers", "errors", "overload", "few drops", "self-test", "slow", "lag grows",
         "lag falls", "gateway down", "worker down"],
)  # fmt: skip
def test_each_alert_fires_in_its_situation_and_in_no_other(
    tmp_path: Path, trouble: Situation, alerts: set[str]
) -> None:
    assert fired(tmp_path, WELL, trouble) == {f"Sightstream{each}" for each in alerts}


def test_a_gateway_that_never_answered_anything_is_told_too(tmp_path: Path) -> None:
    silent = replace(WELL, outcomes={Outcome.EXPIRED: 20}, round_trips=())
    assert fired(tmp_path, silent, silent) == {"SightstreamAnswersStopped"}


@pytest.mark.parametrize(
    "trouble",
    [
        replace(WELL, outcomes={Outcome.EXPIRED: 20}, round_trips=()),
        replace(WELL, ready=False),
        replace(WELL, gateway=False),
        replace(WELL, outcomes=DROPS),
    ],
    ids=["no answers", "self-test", "gateway", "drops"],
)
def test_a_short_trouble_wakes_nobody(tmp_path: Path, trouble: Situation) -> None:
    assert fired(tmp_path, WELL, trouble, trouble_s=20.0) == set()


def test_every_alert_has_a_situation_here() -> None:
    known = {"AnswersStopped", "FramesWithoutLabels", "SelfTestFails", "Slow", "LagGrows", "ProcessDown"}
    assert {rule["alert"] for rule in RULES} == {f"Sightstream{each}" for each in known}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_says_how_bad_it_is_and_what_to_do_and_asks_for_what_exists(rule: dict[str, Any]) -> None:
    assert seconds_of(rule["for"]) >= 30
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert not [each for each in unknown(rule["expr"]) if each != "up"]
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["description"].split(". ")) >= 2
    grouped = set(re.findall(r"by \(([^)]*)\)", rule["expr"]))
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert all(named <= set(each.replace(" ", "").split(",")) for each in grouped)


def test_the_panels_that_alerts_name_exist() -> None:
    dashboard = json.loads((ROOT / "infra/deploy/grafana/dashboards/sightstream.json").read_text())
    titles = {panel["title"] for panel in dashboard["panels"]}
    named = {each for rule in RULES for each in re.findall(r'panel\s+"([^"]+)"', rule["annotations"]["description"])}
    assert named
    assert named <= titles


def test_the_guide_explains_every_alert_with_its_threshold() -> None:
    guide = (ROOT / "infra/deploy/monitoring.md").read_text()
    for rule in RULES:
        [line] = [line for line in guide.splitlines() if f"`{rule['alert']}`" in line]
        wait = rule["for"].replace("30s", "30 s").replace("2m", "2 minutes").replace("1m", "1 minute")
        assert wait in line
        assert rule["labels"]["severity"] in line


def test_prometheus_loads_the_rules_from_beside_its_configuration() -> None:
    assert [(FOLDER / name).is_file() for name in CONFIGURATION["rule_files"]] == [True]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian's package prometheus)"
)
def test_promtool_accepts_the_rules_and_the_configuration(tmp_path: Path) -> None:
    write_targets(tmp_path, {"gateway-1": "127.0.0.1:8000"}, {"worker-1": "127.0.0.1:9000"})
    for arguments in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        subprocess.run(["promtool", "check", *arguments], cwd=tmp_path / "prometheus", check=True)


# The evaluator itself, with examples whose results follow from Prometheus' documentation.


def recorded(*lines: str) -> Recording:
    """A recording of one target; the first line is its answer at 0 s, each other one 10 s later."""
    recording = Recording()
    for number, text in enumerate(lines):
        recording.scrape(10.0 * number, {"instance": "a"}, text)
    return recording


def at_last(expression: str, *lines: str) -> Vector:
    value = evaluate(expression, recorded(*lines), 10.0 * (len(lines) - 1))
    assert isinstance(value, dict)
    return value


A = frozenset({("instance", "a")})


def test_a_rate_counts_on_after_a_restart_and_reaches_to_the_ends_of_its_range() -> None:
    lines = [f"# TYPE n counter\nn_total {number}\n" for number in (100, 110, 3, 13)]
    assert at_last("rate(n_total[30s])", *lines)[A] == pytest.approx(13 / 20)  # the point at 0 s is outside
    assert rate([(0, 5.0)], 0, 30) is None
    assert rate([(10, 0.0), (20, 10.0)], 0, 30, per_second=False) == pytest.approx(
        20.0
    )  # not below zero at the start


def test_a_quantile_lies_between_the_bounds_of_its_bucket() -> None:
    buckets = [(0.1, 50.0), (0.5, 90.0), (1.0, 100.0), (math.inf, 100.0)]
    assert quantile(0.5, buckets) == pytest.approx(0.1)
    assert quantile(0.7, buckets) == pytest.approx(0.3)
    assert quantile(1.0, [(0.1, 1.0), (math.inf, 2.0)]) == pytest.approx(0.1)
    assert math.isnan(quantile(0.5, [(0.1, 0.0), (math.inf, 0.0)]))


def test_a_slope_is_that_of_the_line_through_all_points() -> None:
    assert slope([(0, 1.0), (10, 2.0), (20, 6.0)]) == pytest.approx(0.25)


def test_a_series_that_its_target_no_longer_exports_has_no_value() -> None:
    assert at_last("x", "x 1\n", "x 2\n") == {A: 2.0}
    assert at_last("x", "x 1\n", "y 2\n") == {}
    assert at_last("up", "x 1\n", "x 1\n") == {A: 1.0}


def test_sets_and_comparisons_keep_the_labels_and_values_of_the_left() -> None:
    text = 'x{m="1"} 1\nx{m="2"} 2\ny{m="2",k="3"} 9\n'
    second = {A | {("m", "2")}: 2.0}
    assert at_last("x > 1", text) == second
    assert at_last("x and on (m) y", text) == second
    assert at_last("x unless on (m) y", text) == {A | {("m", "1")}: 1.0}
    assert at_last("sum by (instance) (x) * 2 - 1", text) == {A: 5.0}
    assert at_last('x{m=~"[2-9]"}', text) == second
    with pytest.raises(NotImplementedError):
        at_last("absent(x)", text)

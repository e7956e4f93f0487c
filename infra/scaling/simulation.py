"""A deployment as a discrete-event simulation: what is answered, dropped and how late, from what a frame costs.

Gateways decide with ``web.sessions``, workers with ``streams.scheduling``, clients with their credit window: the
product's own code. Simulated are time, cores, Kafka as a delay and a cost, and the engine as a cost for each batch.
"""

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.client.credit_window import CreditWindow
from infra.scaling.cores import Clock, Machine, Station
from infra.scaling.costs import Costs
from streams.contract.messages import Frame, Label, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from streams.fair_share import FairShare, Run
from streams.scheduling import Limits, Progress, WaitingFrame, is_stale, plan
from web.protocol import Upload
from web.sessions import Session

JPEG = b"\xff\xd8"
EPOCH_MS = 1e12  # times are milliseconds since 1970
TICK_MS = 250.0  # of a gateway, as in web/app.py
SMOOTHING = 1 / 8  # of the pace, as in streams/dispatch.py
ANSWER: list[Label] = []


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs where. With ``cores_each`` 0 everything shares ``cores``, as on one machine; otherwise each worker,
    each gateway, Kafka and the clients have so many cores of their own."""

    workers: int = 1
    gateways: int = 1
    sessions: int = 8
    fps: float | None = None  # of each session; None: as its credits allow
    partitions: int = 12
    cores: int = 2
    cores_each: int = 0


@dataclass
class Result:
    """What happened in the measured time. Latencies are from capture to label; ``busy`` is by station, 0 to 1."""

    sent: int
    outcomes: Counter[Outcome]
    answered_per_s: float
    p50_ms: float
    p99_ms: float
    mean_batch: float
    busy: dict[str, float]

    def share(self, outcome: Outcome) -> float:
        """The part of all frames that had this outcome, 0 to 1."""
        return self.outcomes[outcome] / max(1, self.outcomes.total())


@dataclass
class Counts:
    """What is counted while a simulation runs."""

    sent: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)


def simulate(
    costs: Costs, deployment: Deployment, seconds: float = 20.0, *, warm_s: float = 3.0, seed: int = 0
) -> Result:
    """Run a deployment for ``seconds`` after ``warm_s`` that do not count. The same seed gives the same result."""
    world = World(costs, deployment, seed)
    world.clock.run(warm_s * 1000)
    before = {each.name: each.busy_ms for each in world.stations}
    world.counts = Counts()
    world.clock.run(seconds * 1000)
    counts = world.counts
    latencies = sorted(counts.latencies_ms) or [math.nan]
    return Result(
        sent=counts.sent,
        outcomes=counts.outcomes,
        answered_per_s=counts.outcomes[Outcome.ANSWERED] / seconds,
        p50_ms=statistics.median(latencies),
        p99_ms=latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))],
        mean_batch=statistics.fmean(counts.batches) if counts.batches else 0.0,
        busy={each.name: (each.busy_ms - before[each.name]) / seconds / 1000 for each in world.stations},
    )


class World:
    """All parts of one simulated deployment."""

    def __init__(self, costs: Costs, deployment: Deployment, seed: int) -> None:
        self.costs = costs
        self.deployment = deployment
        self.settings = Settings(partitions=deployment.partitions)
        self.clock = Clock(EPOCH_MS)
        self.counts = Counts()
        self.stations: list[Station] = []
        self._shared = Machine(deployment.cores, costs.speed_when_full)
        if not deployment.cores_each:
            self.clock.machines.append(self._shared)
        self.clients_cpu = self.part("clients", threads=1 if not deployment.cores_each else 1000)
        self.broker = self.part("broker", threads=4)
        self.gateways = [self.part(f"gateway-{number}") for number in range(1, deployment.gateways + 1)]
        self.workers = [Worker(self, number) for number in range(1, deployment.workers + 1)]
        rng = random.Random(seed)  # noqa: S311 - a simulation
        for number in range(deployment.sessions):
            partition = number % deployment.partitions  # gateways spread new sessions, see web/partitions.py
            gateway = self.gateways[partition % deployment.gateways]
            client = Client(self, str(number), gateway, self.workers[partition % deployment.workers])
            start_ms = rng.uniform(0, 1000 / deployment.fps if deployment.fps else 100)
            self.clock.after(start_ms, client.send)

    def part(self, name: str, threads: int = 1) -> "Part":
        """A station on the shared machine, or on one of its own."""
        machine = self._shared
        if self.deployment.cores_each:
            machine = Machine(self.deployment.cores_each, self.costs.speed_when_full)
            self.clock.machines.append(machine)
        return Part(self, machine, self.station(name, threads))

    def station(self, name: str, threads: int = 1) -> Station:
        """A new station."""
        station = Station(name, threads)
        self.stations.append(station)
        return station


@dataclass(eq=False)
class Part:
    """A process, with the machine that it runs on."""

    world: World
    machine: Machine
    station: Station

    def work(self, cpu_ms: float, done: Callable[[], None]) -> None:
        """Use a core for so long, then go on."""
        self.machine.submit(self.station, cpu_ms, done)


class Client:
    """One session: its browser, and what its gateway keeps of it."""

    def __init__(self, world: World, name: str, gateway: Part, worker: "Worker") -> None:
        self.world = world
        self.gateway = gateway
        self.worker = worker
        self.session = Session(name, world.settings)
        self.window = CreditWindow(world.settings.credits)
        self.captured: dict[int, float] = {}  # of frames without an outcome
        self.seq = 0
        self.is_late = False  # a frame is due, and there is no credit for it
        world.clock.after(TICK_MS, self._tick)

    def send(self) -> None:
        """Send a frame as soon as there is a credit, and plan the next one."""
        clock, fps = self.world.clock, self.world.deployment.fps
        self.is_late = len(self.captured) >= self.window.size
        if self.is_late:
            return
        self.seq += 1
        self.captured[self.seq] = clock.now
        self.world.counts.sent += 1
        upload = Upload(self.seq, clock.now, JPEG)
        costs = self.world.costs
        self.world.clients_cpu.work(
            costs.client / 2, lambda: self.gateway.work(costs.gateway / 2, lambda: self._offer(upload))
        )
        if fps:
            clock.after(1000 / fps, self.send)
        else:
            clock.after(0, self.send)

    def _offer(self, upload: Upload) -> None:
        self._publish(self.session.offer(upload, "", self.world.clock.now))

    def _publish(self, messages: list[Frame | Prediction]) -> None:
        for message in messages:
            if isinstance(message, Frame):
                self.through_kafka(lambda frame=message: self.worker.take(frame, self))  # type: ignore[misc]
            else:
                self.through_kafka(lambda prediction=message: self.answered(prediction))  # type: ignore[misc]

    def through_kafka(self, done: Callable[[], None]) -> None:
        """Let a record pass the broker, then go on."""
        world = self.world
        world.broker.work(world.costs.broker / 2, lambda: world.clock.after(world.costs.kafka_ms, done))

    def answered(self, prediction: Prediction) -> None:
        """A prediction reaches the gateway."""
        self.gateway.work(self.world.costs.gateway / 2, lambda: self._settle(prediction))

    def _settle(self, prediction: Prediction) -> None:
        settled = self.session.settle(prediction, self.world.clock.now)
        self._publish(settled.messages)
        if settled.seqs:
            cost = self.world.costs.client / 2
            self.world.clients_cpu.work(cost, lambda: self._show(settled.seqs, prediction.outcome))

    def _show(self, seqs: list[int], outcome: Outcome) -> None:
        now = self.world.clock.now
        for seq in seqs:
            captured = self.captured.pop(seq)
            self.world.counts.outcomes[outcome] += 1
            if outcome == Outcome.ANSWERED:
                self.world.counts.latencies_ms.append(now - captured)
                self.window.answered()
            elif outcome == Outcome.SUPERSEDED:
                self.window.superseded()
        if self.is_late:
            self.send()

    def _tick(self) -> None:
        now = self.world.clock.now
        self._publish([*self.session.flush(now), *self.session.expire(now)])
        self.world.clock.after(TICK_MS, self._tick)


class Worker:
    """One worker: its event loop with its decoders, and its engine of one thread."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.loop = world.part(f"worker-{number}", threads=2)  # the event loop, and the threads that decode
        self.engine = Part(world, self.loop.machine, world.station(f"engine-{number}"))
        self.limits = Limits(world.settings.max_batch, world.settings.freshness_ms)
        self.share = FairShare()
        self.waiting: list[WaitingFrame] = []
        self.clients: dict[tuple[str, int], Client] = {}
        self.decoding = 0
        self.decoded: list[WaitingFrame] = []
        self.running = 0
        self.has_room = True  # the engine takes the next batch while the last frame of the one before runs
        self.pace_ms = 0.0

    def take(self, frame: Frame, client: Client) -> None:
        """A frame comes from Kafka."""
        self.clients[frame.session, frame.seq] = client
        self.loop.work(self.world.costs.worker / 4, lambda: self._put(frame))

    def _put(self, frame: Frame) -> None:
        self.waiting.append(WaitingFrame(frame))
        self._prepare()

    def _prepare(self) -> None:
        now = self.world.clock.now
        progress = Progress(
            "" if self.decoding or self.decoded else None, self.decoding + len(self.decoded), self.running
        )
        planned = plan(
            self.waiting, now, lambda _: self.pace_ms, limits=self.limits, share=self.share, progress=progress
        )
        self.waiting = planned.keep
        for each, reason in planned.drop:
            self._publish(each, reason)
        if planned.look_again_ms is not None:
            self.world.clock.after(planned.look_again_ms, self._prepare)
        for each in planned.run:
            self.share.record(Run(each.frame.session, now, self.pace_ms))
            self.decoding += 1
            self.loop.work(self.world.costs.worker / 4, lambda one=each: self._decoded(one))  # type: ignore[misc]

    def _decoded(self, each: WaitingFrame) -> None:
        self.decoding -= 1
        self.decoded.append(each)
        self._start()

    def _start(self) -> None:
        if self.decoding or not self.has_room or not self.decoded:
            return
        now = self.world.clock.now
        batch, self.decoded = self.decoded, []
        for each in [each for each in batch if is_stale(each.frame, now, self.limits.freshness_ms)]:
            batch.remove(each)
            self._publish(each, Outcome.STALE)
        if not batch:
            return
        self.running += len(batch)
        self.has_room = False
        self.world.counts.batches.append(len(batch))
        last_ms = self.world.costs.frame
        self.engine.work(self.world.costs.engine(len(batch)) - last_ms, self._make_room)
        self.engine.work(last_ms, lambda: self._classified(batch, now))
        self._prepare()

    def _make_room(self) -> None:
        self.has_room = True
        self._start()

    def _classified(self, batch: list[WaitingFrame], started: float) -> None:
        took = (self.world.clock.now - started) / len(batch)
        self.pace_ms += (took - self.pace_ms) * (SMOOTHING if self.pace_ms else 1)
        self.running -= len(batch)
        self._pay_for_requests(batch)
        for each in batch:
            self._publish(each, Outcome.ANSWERED)
        self._prepare()

    def _pay_for_requests(self, batch: list[WaitingFrame]) -> None:
        """The part of the cost of Kafka's requests that does not depend on how many frames are in them."""
        costs, frame = self.world.costs, batch[0].frame
        gateway = self.clients[frame.session, frame.seq].gateway
        for part, ms in (
            (self.loop, costs.worker_batch),
            (self.world.broker, costs.broker_batch),
            (gateway, costs.gateway_batch),
        ):
            part.work(ms, lambda: None)

    def _publish(self, each: WaitingFrame, outcome: Outcome) -> None:
        frame = each.frame
        client = self.clients.pop((frame.session, frame.seq))
        prediction = Prediction(session=frame.session, seq=frame.seq, outcome=outcome, stage=Stage.WORKER)
        self.loop.work(self.world.costs.worker / 2, lambda: client.through_kafka(lambda: client.answered(prediction)))

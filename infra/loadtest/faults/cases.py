"""All faults that are tried: on a stack with one worker, with two, and on a cluster."""

import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from infra.loadtest.faults.brokers import (
    CAN_FILL_DISKS,
    another_broker,
    coordinator_of_workers,
    full_disk,
    kill,
    leader_of_frames,
    stop_all,
)
from infra.loadtest.faults.browsers import half_open_sockets, slow_reader
from infra.loadtest.faults.case import FaultCase
from infra.loadtest.faults.newcomers import gateway_with_clock, worker_with_clock
from infra.loadtest.faults.processes import no_fault, restart_one_by_one, send_signal, suspend
from infra.loadtest.faults.report import FaultReport
from infra.loadtest.faults.tables import compacted_statistics, join_while_restoring, kill_worker
from infra.loadtest.stack_under_test import Progress, settings_under_test, started
from infra.local.stack import Stack
from streams.contract.clock import now_ms

HOUR_MS = 3_600_000.0
SESSION_S = 10.0  # longer than a worker's session with Kafka, 6 s
SKEW_S = 30.0
WORKER_S = 10.0  # the promises: no session is silent for longer when a worker or a broker is killed,
GATEWAY_S = 3.0  # or a gateway while there is another one
SKEWED_S = 3.0  # a clock that differs disturbs nobody


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes a stack has."""

    brokers: int = 1
    workers: int = 1
    gateways: int = 1


ONE_WORKER = (
    FaultCase("worker stands still for 10 s", suspend("worker-1", SESSION_S)),  # first: it has committed nothing yet
    FaultCase("kill -9 of the only worker", send_signal("worker-1")),
    FaultCase("kill -9 of the gateway, 50 clients", send_signal("gateway-1"), sessions=50, fps=1.0),
    FaultCase("kill -9 of the gateway, 200 clients", send_signal("gateway-1"), sessions=200, fps=0.2),
    FaultCase("broker stopped by SIGTERM", send_signal("broker-1", number=signal.SIGTERM)),
    FaultCase("kill -9 of the broker", send_signal("broker-1")),
    FaultCase("a browser that never reads", slow_reader),
    FaultCase("20 half-open sockets", half_open_sockets),
    FaultCase("client clocks an hour ahead", no_fault, clock_ms=lambda: now_ms() + HOUR_MS),
    FaultCase("client clocks an hour behind", no_fault, clock_ms=lambda: now_ms() - HOUR_MS),
)
TWO_WORKERS = (FaultCase("kill -9 of one of two workers", send_signal("worker-2"), sessions=8),)

# kill -9 of any one process: what the test of the cluster tries, too
KILLS = (
    FaultCase("kill -9 of the broker that leads", kill(leader_of_frames), limit_s=WORKER_S),
    FaultCase("kill -9 of another broker", kill(another_broker), limit_s=WORKER_S),
    FaultCase("kill -9 of a worker", send_signal("worker-1"), sessions=8, limit_s=WORKER_S),
    FaultCase("kill -9 of a gateway", send_signal("gateway-1"), sessions=8, limit_s=GATEWAY_S),
)
FULL_DISK = (FaultCase("full disk of the leader for 15 s", full_disk(leader_of_frames, 15.0), limit_s=WORKER_S),)
CLUSTER_FAULTS = (
    *KILLS,
    FaultCase("kill -9 of the workers' coordinator", kill(coordinator_of_workers), limit_s=WORKER_S),
    FaultCase(
        "kill -9 of a worker and a gateway",
        send_signal("worker-2", "gateway-2"),
        sessions=8,
        limit_s=WORKER_S,
    ),
    FaultCase("one worker stands still for 10 s", suspend("worker-1", SESSION_S)),
    FaultCase("one gateway stands still for 20 s", suspend("gateway-1", 20.0)),
    FaultCase("all brokers stopped and started", stop_all(signal.SIGTERM)),
    FaultCase("kill -9 of all brokers", stop_all(signal.SIGKILL)),
    *(FULL_DISK if CAN_FILL_DISKS else ()),
    FaultCase(
        "a worker's clock 30 s ahead", no_fault, sessions=8, preparation=worker_with_clock(SKEW_S), limit_s=SKEWED_S
    ),
    FaultCase(
        "a worker's clock 30 s behind", no_fault, sessions=8, preparation=worker_with_clock(-SKEW_S), limit_s=SKEWED_S
    ),
    FaultCase("a gateway's clock 30 s ahead", no_fault, preparation=gateway_with_clock(SKEW_S), limit_s=SKEWED_S),
    FaultCase("a gateway's clock 30 s behind", no_fault, preparation=gateway_with_clock(-SKEW_S), limit_s=SKEWED_S),
    FaultCase("every process restarted, one by one", restart_one_by_one, limit_s=WORKER_S),
    FaultCase("restore from a compacted topic", kill_worker, preparation=compacted_statistics, limit_s=WORKER_S),
    FaultCase("a worker joins while one restores", join_while_restoring, sessions=8, limit_s=WORKER_S),
)


async def run_cases(model: str, cases: Sequence[FaultCase], size: Size, *, progress: Progress) -> list[FaultReport]:
    """Try ``cases`` one after the other on one stack that serves ``model``, each with sessions of its own."""
    reports = []
    async with stack_of(model, size, progress) as stack:
        for case in cases:
            progress(case.name)
            reports.append(await case.run(stack))
    return reports


def stack_of(model: str, size: Size, progress: Progress) -> AbstractAsyncContextManager[Stack]:
    """A stack of a size, which serves ``model`` and notices soon that a browser has vanished."""
    settings = settings_under_test(model).replace(max_sockets_per_address=1000, ping_s=3.0)
    return started(settings, brokers=size.brokers, workers=size.workers, gateways=size.gateways, progress=progress)

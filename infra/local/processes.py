"""The processes of a stack: gateways and workers, each with its own port and log file."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from infra.local.supervisor import SupervisedProcess
from models.engines.cores import available_cores
from streams.contract.settings import Settings


def gateway_process(settings: Settings, folder: Path, number: int, port: int) -> SupervisedProcess:
    """The gateway with this number, which listens on ``port``; ``folder`` is for logs."""
    return _process(
        f"gateway-{number}", [sys.executable, "-m", "infra.commands", "gateway"], settings, folder, port=port
    )


def worker_process(
    settings: Settings, folder: Path, number: int, metrics_port: int, workers: int
) -> SupervisedProcess:
    """The worker with this number, one of ``workers`` that share the cores of this machine."""
    quiet = ["--quiet"] if settings.log == "json" else []  # no banner between the JSON lines
    argv = [sys.executable, "-m", "faust", "-A", "streams.worker", *quiet, "worker", "-l", "info"]
    threads = settings.threads or max(1, available_cores() // workers)
    name = f"{socket.gethostname()}-{number}"
    return _process(
        f"worker-{number}", argv, settings, folder, threads=threads, worker_name=name, metrics_port=metrics_port
    )


def _process(name: str, argv: list[str], settings: Settings, folder: Path, **own: Any) -> SupervisedProcess:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **settings.replace(**own).to_environ()}
    return SupervisedProcess(name, argv, environ=environ, log_file=folder / f"{name}.log")

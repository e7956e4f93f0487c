"""The disk of a running stack becomes full."""

import asyncio
from pathlib import Path

import pytest

from infra.client.client import Client
from infra.local.readiness import sample_picture
from tests.fakes.disks import small_disk
from tests.running_stack import all_end, running_stack

pytestmark = pytest.mark.broker

MODEL = ("--model", "efficientnet_lite0")


def test_full_disk_of_kafka_ends_the_stack_with_one_line_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "kafka", "size=40m") as disk:
        with running_stack(tmp_path, *MODEL) as stack:
            processes = stack.processes()
            asyncio.run(Client(stack.websocket, sample_picture).run(10.0))
            cluster = (disk / "data" / "meta.properties").read_text()
            (disk / "other").write_bytes(b"")
            with pytest.raises(OSError), (disk / "other").open("wb", buffering=0) as file:
                while file.write(bytes(1_000_000)):
                    pass
            assert stack.process.wait(30) == 1
            lines = (tmp_path / "up.err").read_text().split("Ctrl-C stops everything")[1].strip().splitlines()
            assert lines == [
                f"Error: {disk} cannot be written (No space left on device): make room there, or name another place "
                "with --data-dir"
            ]
            assert all_end(processes, 10)
        (disk / "other").unlink()
        (tmp_path / "secret").write_text("")  # as a version left it that was stopped while it wrote it
        with running_stack(tmp_path, *MODEL):
            assert (disk / "data" / "meta.properties").read_text() == cluster
            assert len((tmp_path / "secret").read_text()) == 64
            assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600

"""Waits until a stack serves: every gateway says so, and a picture went through the whole stack."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx

from infra.client.client import Client, Refused
from infra.client.media_source import MediaFrame, PresentView, video_frame
from infra.local.errors import StackError
from infra.local.supervisor import SupervisedProcess
from web import SAMPLES
from web.messages import Labels

PICTURE = SAMPLES / "cat.jpg"
MAX_STARTS = 3  # of a process before the stack has been ready once
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """The label of a picture that went through the whole stack."""

    label: str
    probability: float
    took_ms: float


async def gateways_ready(
    urls: Sequence[str],
    trust: ssl.SSLContext | None,
    processes: Sequence[SupervisedProcess],
    report_progress: Callable[[str], None],
) -> None:
    """Wait until the self-test of the gateway at each of ``urls`` succeeds.

    Raises:
        StackError: one of ``processes`` does not start.
    """
    async with httpx.AsyncClient(trust_env=False, verify=trust or True) as http:
        waiting = list(urls)
        while waiting:
            for process in processes:
                if process.starts > MAX_STARTS:
                    raise StackError(f"{process.name} does not start; {process.why_it_ended}")
            report_progress(f"starting workers and gateways; {processes[-1].last_log_line()}")
            with suppress(httpx.TransportError):
                if (await http.get(f"{waiting[0]}/readyz")).status_code == 200:
                    waiting.pop(0)
                    continue
            await asyncio.sleep(POLL_S)


async def first_answer(websocket: str, trust: ssl.SSLContext | None) -> Answer:
    """Send a picture as a browser does, until it is answered."""
    answers: list[Answer] = []

    def answered(_: MediaFrame, message: Labels, ms: float) -> None:
        top = message.labels[0]
        answers.append(Answer(top.label, top.probability, ms))

    while not answers:
        with suppress(Refused):
            await Client(websocket, sample_picture, trust=trust, on_answer=answered).run(5.0)
    return answers[0]


async def sample_picture(view: PresentView) -> AsyncIterator[MediaFrame]:
    """The sample picture, once."""
    yield MediaFrame(PICTURE, video_frame(PICTURE, view()))

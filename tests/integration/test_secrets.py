"""After a whole run with crashes and refusals, no secret is in a log, a command line or a metric."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import httpx2
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from infra.local.readiness import PICTURE
from streams.contract.settings import Settings
from tests.running_stack import RunningStack, running_stack
from web.messages import Dropped, Labels, Welcome, decode
from web.protocol import Upload, pack, subprotocols

pytestmark = pytest.mark.broker

SECRETS = {name: f"sesame-of-{name}" for name, field in Settings.model_fields.items() if not field.repr}


async def visit(websocket: str, token: str = "", query: str = "", origin: str = "", seq: int = 1) -> list[str]:
    """Connect as a browser, and send a frame if there is a welcome. Returns the session's id and its new token."""
    offered = [Subprotocol(each) for each in subprotocols(token)]
    headers = {"Origin": origin} if origin else {}
    found: list[str] = []
    async with connect(f"{websocket}?{query}", subprotocols=offered, additional_headers=headers) as socket:
        try:
            async with asyncio.timeout(20):
                async for text in socket:
                    match decode(text):
                        case Welcome() as welcome:
                            found = [welcome.session, welcome.token]
                            await socket.send(pack(Upload(seq, 0.0, PICTURE.read_bytes())))
                        case Labels() | Dropped():
                            break
        except ConnectionClosed:
            pass
    return found


async def visits(stack: RunningStack) -> list[str]:
    """Visits of every kind, also those that are refused. Returns the ids and tokens of the sessions."""
    session, token = first = await visit(stack.websocket)
    second = await visit(stack.websocket, token, "pending=1", seq=2)
    assert second[0] == session
    assert not await visit(stack.websocket, query=f"token={token}")  # of a page that is older than the gateway
    assert not await visit(stack.websocket, token, origin="https://elsewhere.example")
    assert not await visit(stack.websocket, token, query="pending=x")
    assert not await visit(stack.websocket, token=token[:-1])
    return [*first, *second]


def ask(stack: RunningStack, session: str, token: str) -> str:
    """Ask as a browser and an operator do. Returns the operator's cookie."""
    operator = SECRETS["operator_token"]
    with httpx2.Client(base_url=stack.url) as http:
        for path in ("", "/stats", "/stats.csv"):
            http.get(f"/api/sessions/{session}{path}?token={quote(token)}", headers={"X-Forwarded-For": "192.0.2.1"})
        http.get(f"/stats/{session}?token={quote(token)}")
        http.post("/ops", data={"token": operator + "x"})
        assert http.post("/ops", data={"token": operator}).status_code == 303
        cookie = next(iter(http.cookies.values()))
        assert http.get(f"/ops?token={quote(operator)}").status_code == 200
        http.get("/api/sessions", headers={"Authorization": f"Bearer {operator}"})
    return cookie


def crash(stack: RunningStack) -> None:
    """Kill gateway and worker, and wait until ``up`` has said so and the stack serves again."""
    for name in ("streams.worker", "infra.commands gateway"):
        for process in stack.processes(name):
            process.kill()
    end = time.monotonic() + 60
    while True:
        said = (stack.folder / "up.err").read_text()
        if "gateway-1 ended" in said and "worker-1 ended" in said:
            try:
                if httpx2.get(f"{stack.url}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
        assert time.monotonic() < end, said
        time.sleep(0.2)


def written(stack: RunningStack) -> dict[str, str]:
    """All that others could see: logs, files for other programs, output, command lines, metrics, settings."""
    folder = stack.folder
    files = [*folder.glob("logs/*"), *folder.glob("kafka/*"), *folder.glob("prometheus/*"), *folder.glob("up.*")]
    texts = {str(each): each.read_bytes().decode(errors="replace") for each in files if each.is_file()}
    up = psutil.Process(stack.process.pid)
    texts["command lines"] = "\n".join(" ".join(each.cmdline()) for each in (up, *stack.processes()))
    for group in json.loads((folder / "prometheus" / "targets.json").read_text()):
        [where] = group["targets"]
        texts[f"metrics of {where}"] = httpx2.get(f"http://{where}/metrics").text
    command = [sys.executable, "-m", "infra.commands", "settings"]
    environ = {**os.environ, **{f"SIGHTSTREAM_{name.upper()}": value for name, value in SECRETS.items()}}
    for option in ([], ["--json"]):
        shown = subprocess.run([*command, *option], capture_output=True, text=True, check=True, env=environ)
        texts[f"settings {option}"] = shown.stdout + shown.stderr
    return texts


@pytest.mark.parametrize(("log", "log_level"), [("text", "INFO"), ("json", "DEBUG")])
def test_no_secret_is_where_others_could_read_it(tmp_path: Path, log: str, log_level: str) -> None:
    earlier = tmp_path / "logs" / "gateway-1.log"  # of a version whose logs everybody could read
    earlier.parent.mkdir()
    earlier.write_text("from the last run\n")
    earlier.chmod(0o644)
    with running_stack(tmp_path, "--model", "efficientnet_lite0", log=log, log_level=log_level, **SECRETS) as stack:
        session, token, *others = asyncio.run(visits(stack))
        cookie = ask(stack, session, token)
        crash(stack)
        others += asyncio.run(visit(stack.websocket, token, seq=3))
        texts = written(stack)
        secrets = {*SECRETS.values(), session, token, *others, cookie}
        assert len(secrets) >= len(SECRETS) + 4
        leaks = {name: [each for each in secrets if each in text] for name, text in texts.items()}
        assert {name: found for name, found in leaks.items() if found} == {}
        assert texts[str(tmp_path / "logs" / "gateway-1.old")] == "from the last run\n"
        assert "WebSocket /ws?…" in texts[str(tmp_path / "logs" / "gateway-1.log")]
        folders = (tmp_path / "logs", tmp_path / "kafka")
        private = [*folders, *folders[0].iterdir(), *folders[1].glob("*.log"), *folders[1].glob("data/**/*")]
        assert len(private) > 20
        assert [str(each) for each in private if each.stat().st_mode & 0o077] == []

"""What a worker answers over HTTP: its metrics, whether it makes progress, and whether it is ready.

``/metrics`` is for Prometheus. ``/healthz`` is 200, or 503 with the reason while something stands still: then the
worker should be started again. ``/readyz`` is 200 once the models are loaded, the group is joined and the tables are
restored, and while Kafka answers; 503 otherwise.
"""

import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from streams.contract.prometheus import CONTENT_TYPE, MetricSet
from streams.health.liveness import Liveness

log = logging.getLogger(__name__)

TEXT = "text/plain; charset=utf-8"
TIMEOUT_S = 10.0


def serve(metrics: MetricSet, liveness: Liveness, host: str, port: int) -> Callable[[], None]:
    """Answer at ``http://host:port`` until the returned function is called; port 0 turns this off.

    If the port cannot be used, the worker runs without it.
    """
    if not port:
        return lambda: None

    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_GET(self) -> None:
            status, kind, body = answer(self.path.partition("?")[0], metrics, liveness)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Who asks may go away before the answer."""

    try:
        server = Server((host, port), Handler)
    except OSError as error:
        log.warning("nobody can ask for this worker's metrics: %s:%d cannot be used (%s)", host, port, error)
        return lambda: None
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def answer(path: str, metrics: MetricSet, liveness: Liveness) -> tuple[HTTPStatus, str, bytes]:
    """The status, the type and the body of the answer to a request for a path."""
    if path == "/metrics":
        return HTTPStatus.OK, CONTENT_TYPE, metrics.text()
    name, seconds = liveness.standstill()
    reason = f"{name} has made no progress for {seconds:.0f} s" if name else ""
    if path == "/readyz" and not reason and liveness.waits_for:
        reason = f"waits for {liveness.waits_for}"
    if path not in ("/healthz", "/readyz"):
        return HTTPStatus.NOT_FOUND, TEXT, b"there are /metrics, /healthz and /readyz\n"
    status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
    return status, TEXT, f"{reason or 'ok'}\n".encode()

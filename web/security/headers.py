"""Response headers that limit what a page may load, send and be embedded in."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # whoever has the address of a statistics page may read it
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


FOR_PAGES = {"Content-Security-Policy", "Permissions-Policy", "Referrer-Policy"}
PARTS_OF_PAGES = {"text/javascript", "text/css", "image/jpeg", "image/png"}


class SecurityHeaders:
    """Middleware that adds ``HEADERS`` to every response; a header that a view has set stays.

    What can only be a part of a page gets none of ``FOR_PAGES``: the page's own count there, and a first visit loads
    dozens of such files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_part = headers.get("content-type", "").partition(";")[0] in PARTS_OF_PAGES
                for name, value in HEADERS.items():
                    if not (is_part and name in FOR_PAGES):
                        headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)

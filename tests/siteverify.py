"""A service that judges the tokens of a challenge, over HTTP on loopback, as the public ones do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs

SECRET = "a secret between the two"


class Siteverify(ThreadingHTTPServer):
    """Each solved token passes once. `broken`: answers with this status and no verdict."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.unused: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.broken: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/siteverify"

    def solve(self) -> str:
        """What a browser gets when a person has solved the challenge."""
        token = f"0.{token_hex(600)}"
        self.unused.add(token)
        return token

    def judge(self, form: dict[str, str]) -> dict[str, Any]:
        self.asked.append(form)
        if form.get("secret") != SECRET:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        if form.get("response") not in self.unused:
            return {"success": False, "error-codes": ["timeout-or-duplicate"]}
        self.unused.remove(form["response"])
        return {"success": True, "hostname": "portal.test"}


class _Handler(BaseHTTPRequestHandler):
    server: Siteverify

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        verdict = self.server.judge({name: values[0] for name, values in parse_qs(body).items()})
        self.send_response(self.server.broken or 200)
        self.end_headers()
        self.wfile.write(b"<h1>Sorry</h1>" if self.server.broken else json.dumps(verdict).encode())

    def log_message(self, *_: object) -> None:
        """Tests read what was asked, not a log."""


@contextmanager
def siteverify() -> Iterator[Siteverify]:
    service = Siteverify()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()

"""The RoomService of a LiveKit server, over HTTP on loopback: who is in which room, and who may put them out.

As a real server does, it wants a token that was signed with its key, is valid now, and administers this very room.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

KEY, SECRET = "APIharbor", "a secret that only the server and we know"
REMOVE = "/twirp/livekit.RoomService/RemoveParticipant"


class LiveKitServer(ThreadingHTTPServer):
    """`connected`: room and identity. `broken`: answers with this status, whatever it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connected: set[tuple[str, str]] = set()
        self.asked = 0
        self.broken: int | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str, token: str, body: dict[str, Any]) -> int:
        self.asked += 1
        if self.broken:
            return self.broken
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY, options={"require": ["exp"]})
        except jwt.InvalidTokenError:
            return 401
        grant = claims.get("video", {})
        if path != REMOVE or grant.get("roomAdmin") is not True or grant.get("room") != body["room"]:
            return 403
        who = body["room"], body["identity"]
        if who not in self.connected:
            return 404
        self.connected.remove(who)
        return 200


class _Handler(BaseHTTPRequestHandler):
    server: LiveKitServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.send_response(self.server.answer(self.path, token, body))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Tests read what was asked, not a log."""


@contextmanager
def livekit_server() -> Iterator[LiveKitServer]:
    server = LiveKitServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The process that serves one of the applications: `python -m bench.serve ours|limit|usual port [workers]`."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

from portal_api.cli import memory
from portal_api.cli.http_server import server_config
from portal_api.core.config import Settings


def application(name: str) -> Any:
    if name == "limit":
        from bench.rivals.limit import app

        return app
    if name == "files":
        from bench.rivals.files import app

        return app
    if name == "usual":
        from bench.rivals.usual import app

        return app
    return _ours(positions=name == "positions")


def _ours(*, positions: bool) -> Any:
    from portal_api.main import create_app

    app = create_app(Settings(_env_file=None))
    if positions:  # the same answer, registered before all routes and after them
        from bench.positions import constant

        app.router.routes.insert(0, constant("/v1/aardvark/{name}"))
        app.router.routes.append(constant("/v1/zebra/{name}"))
    return app


def main(name: str, port: int, workers: int) -> None:
    embedded = os.environ.get("BENCH_EMBEDDED_DIR")
    if embedded:
        from portal_api.core.postgres import EmbeddedPostgres

        os.environ["PORTAL_DATABASE_URL"] = EmbeddedPostgres(Path(embedded)).start()
    config = server_config(application(name))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config.load()
    memory.return_large_blocks()
    memory.load_for_good(workers)
    for _ in range(workers - 1):
        if os.fork() == 0:
            break
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    started = time.perf_counter()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)

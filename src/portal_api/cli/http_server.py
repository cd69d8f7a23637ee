"""One process that answers requests: uvicorn, told how we want it."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from portal_api.cli.console import CannotStart
from portal_api.cli.sockets import refusal

# Longer than the idle time of the usual load balancers, so that they close a connection first, not we.
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 20


class HttpServer(uvicorn.Server):
    """Says when it accepts connections. A stop by signal drains and is a success, not the signal's death."""

    def __init__(self, app: FastAPI, on_ready: Callable[[], None], *, lifeline: int | None = None) -> None:
        """lifeline: a pipe whose end means that the parent is gone; then this process ends too."""
        super().__init__(server_config(app))
        self._stopping: asyncio.Event = app.state.stopping
        self._on_ready = on_ready
        self._lifeline = lifeline

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as error:  # two starts at the same moment can both bind; only one can listen
            host, port = sockets[0].getsockname()[:2] if sockets else ("", 0)
            await self.lifespan.shutdown()
            raise CannotStart(refusal(error, host, port)) from None
        if self._lifeline is not None:
            asyncio.get_running_loop().add_reader(self._lifeline, self._orphaned)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        # Ctrl-C reaches every process of a terminal: only one of the two signals counts below a supervisor.
        handled = {signal.SIGTERM} if self._lifeline is not None else {signal.SIGTERM, signal.SIGINT}
        for number in handled:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stop accepting, finish what runs, end; asked a second time, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._stopping.set()

    def _orphaned(self) -> None:
        assert self._lifeline is not None  # noqa: S101 - only then is it called
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self.stop()


def answer(app: FastAPI, listener: socket.socket, on_ready: Callable[[], None], lifeline: int | None = None) -> None:
    """Answer requests until told to stop; then finish what runs."""
    HttpServer(app, on_ready, lifeline=lifeline).run(sockets=[listener])


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves an application of ours."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,  # RequestBoundary writes a line without personal data
        proxy_headers=False,  # RequestBoundary knows whom to trust
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )

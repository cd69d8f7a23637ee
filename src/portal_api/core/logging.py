"""Structured logs on standard error, one line an event, without personal data."""

import logging
import sys

import orjson
import structlog


def configure(*, json: bool) -> None:
    """JSON lines in production; short readable ones at a developer's terminal."""
    lines = structlog.processors.JSONRenderer(serializer=orjson.dumps)
    readable = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lines if json else readable,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        if json
        else structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for talkative in ("httpx", "httpcore"):  # they write whole addresses, and some of those are secrets
        logging.getLogger(talkative).setLevel(logging.WARNING)

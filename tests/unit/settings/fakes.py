"""Small adapter classes for the tests of settings: their shapes are those of real kinds, their techniques are none."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from adapters.base import Attempt, Change, Config, Cut, Gate, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.registry import Registry
from bot.settings.loaded import Loaded, load_bytes

CUTS = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


class RoleConfig(Config):
    """Settings of a database role."""

    dsn: SecretStr = Field(description="The bot's own connection.")
    role: str = Field(description="The agent's role.")
    port: int = Field(5432, description="A number.")

    @field_validator("dsn")
    @classmethod
    def _schemed(cls, dsn: SecretStr) -> SecretStr:
        if not dsn.get_secret_value().startswith("db://"):
            raise ValueError(f"is not a database address ({dsn.get_secret_value()}): begin it with db://")
        return dsn


class RoleCanary(Config):
    """The agent's own credential."""

    dsn: SecretStr = Field(description="The agent's connection.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Secrets below a mapping.")


class Nothing(Config):
    """No settings."""


class Blank:
    """What every fake does: nothing."""

    permissions: ClassVar[tuple[str, ...]] = ("ALTER ROLE",)
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"

    def __init__(self, *, config: Config, canary: Config | None, shared: Shared) -> None:
        self.config, self.canary, self.shared = config, canary, shared

    def target_key(self) -> str:
        """Tells targets apart by their role."""
        return f"blank:{getattr(self.config, 'role', '')}"

    async def preflight(self) -> tuple[str, ...]:
        """Misses nothing."""
        return ()

    async def observe(self) -> Observation:
        """Sees a surface at normal."""
        return Observation(exists=True, mode=Mode.NORMAL, enforceable=CUTS)

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Holds what was asked."""
        del token, drain, undo, gate
        return Cut(held=mode)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Undoes nothing."""
        del to, expect, token, undo, gate
        return Relaxed()

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Tries nothing."""
        del mode
        return Attempt.UNTRIED

    async def aclose(self) -> None:
        """Has nothing to close."""


class Role(Blank):
    """Shaped as a database role."""

    kind: ClassVar[str] = "postgres_role"
    modes: ClassVar[frozenset[Mode]] = CUTS
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.DATABASE, SurfaceClass.IDENTITY})
    config_type: ClassVar[type[Config]] = RoleConfig
    canary_type: ClassVar[type[Config] | None] = RoleCanary


class Memory(Blank):
    """Shaped as the in-memory surface."""

    kind: ClassVar[str] = "memory"
    modes: ClassVar[frozenset[Mode]] = CUTS
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    config_type: ClassVar[type[Config]] = Nothing
    canary_type: ClassVar[type[Config] | None] = None


FAKES = Registry.of(Role, Memory)

GOOD = (Path(__file__).parent / "good.yaml").read_text()
ENVIRON = {"LEDGER_ADMIN_DSN": "db://bot:hunter2@ledger/main", "LEDGER_AGENT_DSN": "db://agent:swordfish@ledger/main"}


def loaded(text: str | bytes, environ: Mapping[str, str] = ENVIRON) -> Loaded:
    """Loads a text as the file `agent-kill.yaml`, with the fake adapters."""
    raw = text.encode() if isinstance(text, str) else text
    return load_bytes(raw, file="agent-kill.yaml", environ=environ, registry=FAKES)


def good_but(old: str, new: str) -> str:
    """The good file with one thing replaced, which must stand in it exactly once."""
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good file"
    return GOOD.replace(old, new)


def names(found: Loaded) -> set[str]:
    """The names of the surfaces that are served."""
    assert found.configuration is not None
    return {surface.name for surface in found.configuration.surfaces()}


def quarantined(found: Loaded) -> dict[str, str]:
    """The names of the surfaces that are quarantined, each with the reason."""
    assert found.configuration is not None
    return {lost.name: lost.why for agent in found.configuration.agents for lost in agent.quarantined}

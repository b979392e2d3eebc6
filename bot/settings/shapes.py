"""The shapes of the file, key by key; every description is shown by `agent-kill schema`.

The models check one part at a time (`read.py`), so that one broken part never hides another.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from adapters.base import BacklogPolicy, Mode, SurfaceClass
from bot.domain.model import Risk, Unsupported
from bot.settings.cron import cron_line
from bot.settings.terms import Channel, Duration, Group, Name, PositiveDuration, Seed, SurfaceName, TimeZone, User


def _mode(text: object) -> object:
    return Mode(text) if text in [str(mode) for mode in Mode] else text


def _restricting(mode: Mode) -> Mode:
    if mode is Mode.NORMAL:
        raise ValueError("restricts nothing: write approval_gated, draft_only, read_only or full_stop")
    return mode


_MODES = WithJsonSchema({"type": "string", "enum": [str(mode) for mode in Mode]})
_CUTS = WithJsonSchema({"type": "string", "enum": [str(mode) for mode in Mode if mode is not Mode.NORMAL]})
AnyMode = Annotated[Mode, BeforeValidator(_mode), _MODES]
CutMode = Annotated[Mode, BeforeValidator(_mode), AfterValidator(_restricting), _CUTS]
Free = dict[str, object]


class Shape(BaseModel):
    """Base: unknown keys are errors, and no error repeats what was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False)


class WorkspaceShape(Shape):
    """The Slack channels that the bot speaks in."""

    incident_channel: Channel | None = Field(
        None, description="Channel id where incidents are opened; the bot is a member."
    )
    audit_channel: Channel | None = Field(
        None, description="Channel id where checkpoints of the audit are posted daily."
    )


class StopShape(Shape):
    """Who may stop."""

    groups: tuple[Group, ...] = Field((), description="User groups whose members may stop, by id or @handle.")
    users: tuple[User, ...] = Field((), description="People who may stop, by id; they also may while Slack is down.")
    channels: tuple[Channel, ...] = Field((), description="Channels where stops are accepted; empty: any channel.")


class MistakeShape(Shape):
    """Bounds `/agent-kill undo`."""

    within: Duration = Field(
        600.0, description="How long after a stop it may be undone as a mistake.", examples=["10m"]
    )
    quorum: int = Field(1, ge=1, description="How many other people must confirm the mistake.")


class SecondFactorShape(Shape):
    """Votes that are confirmed with a code of an authenticator app (TOTP)."""

    quorum: int = Field(1, ge=1, description="Votes that must be confirmed with a code, at most the restore's quorum.")
    seeds: dict[User, Seed] = Field(
        default_factory=dict,  # checked below: what is missing here must not cost the stop its part of the policy
        description="The seed of each voter's app in base32, by Slack user id; always by reference.",
    )

    @model_validator(mode="after")
    def _own_seeds(self) -> "SecondFactorShape":
        if not self.seeds:
            raise ValueError("seeds names nobody: list a seed by each voter's Slack user id")
        owners: dict[str, str] = {}
        for user, seed in self.seeds.items():
            other = owners.setdefault(seed.get_secret_value(), user)
            if other != user:
                raise ValueError(f"{other} and {user} share one seed: make one for each with `agent-kill enrol`")
        if len(self.seeds) < self.quorum:
            raise ValueError(f"quorum is {self.quorum} and {len(self.seeds)} are enrolled: enrol more voters")
        return self


def _given(value: object) -> object:
    """A key with nothing behind it must not switch off what it seems to switch on."""
    if value is None:
        raise ValueError("is empty: list the voters' seeds below it, or remove it")
    return value


class RestoreShape(Shape):
    """Who gives authority back, and how slowly."""

    groups: tuple[Group, ...] = Field((), description="User groups whose members may vote, by id or @handle.")
    users: tuple[User, ...] = Field((), description="People who may vote, by id.")
    quorum: int = Field(2, ge=2, description="Votes that a restore needs, at least 2.")
    full_stop_quorum: int = Field(3, ge=2, description="Votes that a restore from full_stop needs, at least `quorum`.")
    ttl: PositiveDuration = Field(1800.0, description="How long a ballot stays open.", examples=["30m"])
    dwell: Duration = Field(60.0, description="How long a ballot stays open at least.", examples=["60s"])
    step: Duration = Field(300.0, description="How long each mode is kept before the next looser one.", examples=["5m"])
    mistake: MistakeShape = Field(default_factory=MistakeShape, description="Bounds `/agent-kill undo`.")
    second_factor: Annotated[SecondFactorShape | None, BeforeValidator(_given)] = Field(
        None, description="Whose votes are confirmed with a code of an app; left out: nobody's."
    )

    @model_validator(mode="after")
    def _stricter_for_full_stop(self) -> "RestoreShape":
        if self.full_stop_quorum < self.quorum:
            raise ValueError(f"full_stop_quorum ({self.full_stop_quorum}) is below quorum ({self.quorum}): raise it")
        if self.dwell >= self.ttl:
            raise ValueError("dwell is not shorter than ttl, so that no ballot could pass: shorten dwell")
        if self.second_factor and self.second_factor.quorum > self.quorum:
            more = f"second_factor.quorum ({self.second_factor.quorum}) is above quorum ({self.quorum})"
            raise ValueError(f"{more}: more votes would have to be confirmed than are needed, so lower it")
        return self


class ApproveShape(Shape):
    """Who may release what is held or drafted."""

    groups: tuple[Group, ...] = Field((), description="User groups whose members may approve; empty: as restore.")
    users: tuple[User, ...] = Field((), description="People who may approve, by id; empty: as restore.")
    ttl: PositiveDuration = Field(
        1800.0, description="How long an action of approval_gated waits for a decision.", examples=["30m"]
    )
    keep: PositiveDuration = Field(
        7 * 86_400.0, description="How long a draft of draft_only is kept for a decision.", examples=["168h"]
    )


class PactShape(Shape):
    """What an agent is for and may do, in its owner's words."""

    purpose: str = Field("", description="What the agent is for, in a sentence.")
    may: tuple[str, ...] = Field((), description="What it may do.")
    may_never: tuple[str, ...] = Field((), description="What it must never do.")
    loosest: AnyMode = Field(Mode.NORMAL, description="The loosest mode that a restore may give back.")


class SurfaceShape(Shape):
    """One place where the agent holds authority."""

    adapter: str = Field(description="Kind of adapter; `agent-kill adapters` lists them.")
    surface_class: SurfaceClass = Field(alias="class", description="What sort of authority this is.")
    risk: Risk = Field(Risk.MEDIUM, description="high is cut first and restored last.")
    deadline: PositiveDuration = Field(5.0, description="Until the cut must be verified.", examples=["5s"])
    drain: Duration = Field(0.0, description="Let work end for this long, then cut; 0s cuts at once.", examples=["0s"])
    unsupported: Unsupported = Field(
        Unsupported.STRICTER,
        description="A mode that the surface cannot enforce: hold the next stricter one, or leave it (then NOT CUT).",
    )
    backstop: SurfaceName | None = Field(
        None, description="agent/surface that is held too when the deadline passes without proof."
    )
    backlog: BacklogPolicy | None = Field(
        None,
        description="Work that waits when the agent may take it up again: drop, hold (put aside) or replay (leave). "
        "Default: hold where the adapter can, else replay.",
    )
    settings: Free = Field(default_factory=dict, description="The adapter's settings.")
    canary: Free | None = Field(None, description="The agent's own credential, to prove that it is refused.")


class HttpShape(Shape):
    """An HTTP request as evaluation."""

    url: str = Field(description="Where the request goes.")
    method: str = Field("GET", pattern=r"^[A-Z]{1,20}$", description="The request's method.")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers by name, with the agent's own credential where it needs one."
    )


class EvaluationShape(Shape):
    """A realistic execution path with the result expected per mode."""

    surfaces: tuple[Name, ...] = Field((), description="Surfaces of this agent that the path crosses.")
    command: tuple[str, ...] = Field(
        (), description="Command with its arguments; exit code 0 means allowed, 10 refused."
    )
    http: HttpShape | None = Field(
        None, description="Request instead of a command; 2xx means allowed, 401, 403, 405 or 423 refused."
    )
    timeout: PositiveDuration = Field(30.0, description="How long it may take.", examples=["30s"])
    expect: dict[AnyMode, Literal["allowed", "refused"]] = Field(
        description="The result expected for each mode, allowed or refused.", min_length=1
    )

    @model_validator(mode="after")
    def _one_way(self) -> "EvaluationShape":
        if bool(self.command) == bool(self.http):
            raise ValueError("needs either command or http, and not both")
        return self


class DrillShape(Shape):
    """A rehearsal on a schedule."""

    schedule: Annotated[str, AfterValidator(cron_line)] = Field(
        description="Five cron fields, weekdays by name.", examples=["0 10 * * MON"]
    )
    timezone: TimeZone = Field("UTC", description="Time zone of the schedule.", examples=["Europe/Berlin"])
    surfaces: tuple[SurfaceName, ...] = Field(min_length=1, description="agent/surface names that are rehearsed.")
    mode: CutMode = Field(description="The mode that is rehearsed.")
    kind: Literal["tabletop", "canary", "live"] = Field(
        description="tabletop only plans; canary cuts a canary surface; live cuts the named surfaces."
    )
    remind: tuple[Duration, ...] = Field((), description="How long before it people are reminded.", examples=[["24h"]])
    by: Literal["clock", "operator"] = Field(
        "clock", description="Who gives the command: the clock at the due time, or the operator on turn, who types it."
    )
    wait: PositiveDuration = Field(
        1800.0, description="How late it may begin: how long the operator is waited for.", examples=["30m"]
    )
    hold: Duration = Field(0.0, description="How long it stays cut before it is given back.", examples=["10s"])
    everyone: PositiveDuration = Field(
        30 * 86_400.0, description="In which period everybody of the stop group should have run it.", examples=["720h"]
    )
    accept_loss: bool = Field(default=False, description="Whether a live drill may lose work that is in flight.")
    under_load: tuple[str, ...] = Field((), description="A command, without a shell, that runs during the cut.")
    faults: tuple[Literal["slack", "ledger", "hung"], ...] = Field(
        (), description="Injected into the bot during the cut: Slack refuses, the database refuses, one surface hangs."
    )
    surprise: Duration = Field(
        0.0, description="The window in which the clock begins it, at a moment that nobody is told.", examples=["4h"]
    )

    @model_validator(mode="after")
    def _surprised(self) -> "DrillShape":
        """Whoever types the command cannot be surprised by it."""
        if self.surprise and self.by == "operator":
            raise ValueError(
                "surprise is not for an operator, who would have to know the moment: write `by: clock`, or leave it out"
            )
        return self


class AgentShape(Shape):
    """An autonomous program with an owner and a pact."""

    name: str | None = Field(None, min_length=1, description="What people call it; default: its id.")
    owner: User | None = Field(None, description="Slack user id of who answers for it.")
    channel: Channel | None = Field(None, description="Slack channel whose stops without a target mean this agent.")
    slack_identities: tuple[User, ...] = Field(
        (), description="The agent's own Slack users: never counted to propose, vote, confirm or stop."
    )
    pact: PactShape = Field(default_factory=PactShape, description="What it is for and may do.")
    surfaces: dict[str, SurfaceShape] = Field(default_factory=dict, description="Where it holds authority, by id.")
    evaluations: dict[str, EvaluationShape] = Field(
        default_factory=dict, description="Execution paths with the result expected per mode, by id."
    )
    not_applicable: dict[SurfaceClass, str] = Field(
        default_factory=dict, description="Classes that the agent has no surface of, each with the reason."
    )


class PolicyShape(Shape):
    """Who may do what."""

    stop: StopShape = Field(default_factory=StopShape, description="Who may stop.")
    restore: RestoreShape = Field(default_factory=RestoreShape, description="Who gives authority back, and how slowly.")
    approve: ApproveShape = Field(default_factory=ApproveShape, description="Who may release what is held or drafted.")


class WritersShape(Shape):
    """Who keeps a journal."""

    writers: tuple[Name, ...] = Field(("bot",), min_length=1, description="Enrolled writers of journals.")


class WatchShape(Shape):
    """How often held surfaces are looked at, to see one that comes back."""

    fast: PositiveDuration = Field(5.0, description="Between two looks while a hold is young.", examples=["5s"])
    fast_for: Duration = Field(600.0, description="How long a hold counts as young.", examples=["10m"])
    slow: PositiveDuration = Field(30.0, description="Between two looks afterwards.", examples=["30s"])


class ArmedShape(Shape):
    """The armed check: whether a stop would work now."""

    period: PositiveDuration = Field(
        300.0,
        description="Within this time every surface is asked, without a change, and NOT ARMED is told.",
        examples=["5m"],
    )


class FileShape(WritersShape):
    """Configuration of agent-kill."""

    workspace: WorkspaceShape = Field(default_factory=WorkspaceShape, description="Slack channels of the bot.")
    policy: PolicyShape = Field(default_factory=PolicyShape, description="Who may do what.")
    watch: WatchShape = Field(default_factory=WatchShape, description="How often held surfaces are looked at.")
    armed: ArmedShape = Field(default_factory=ArmedShape, description="Whether a stop would work now.")
    agents: dict[str, AgentShape] = Field(description="The agents, by id.")
    drills: dict[str, DrillShape] = Field(default_factory=dict, description="Rehearsals on a schedule, by id.")

"""Strict checks of configuration and inventory, without contacting anything: what `agent-kill check` adds to `load`."""

from collections.abc import Iterable, Iterator, Mapping

from adapters.base import Backlog, BacklogPolicy, SurfaceClass
from adapters.registry import KindError, Registry, default
from bot.domain.coverage import Reach
from bot.domain.model import Agent, Configuration, RestorePolicy, SecondFactor, Surface
from bot.service.probe import Probed
from bot.service.redact import redact
from bot.settings.environment import Environment
from bot.settings.findings import Finding, Level
from bot.settings.loaded import Loaded

_SHORT_SECRET = 16


def check(loaded: Loaded, environment: Environment, registry: Registry | None = None) -> tuple[Finding, ...]:
    """Every finding of the file, then what is missing or weak in what it says, part by part."""
    return (*loaded.findings, *_Check(loaded, environment, registry or default()).findings())


def ok(findings: tuple[Finding, ...]) -> bool:
    """Whether `check` may exit 0: gaps and notes alone do."""
    return all(finding.level in ("gap", "note") for finding in findings)


_CANARY = "add canary: with the agent's credential"
_NO_BACKSTOP = "has no backstop: where its cut cannot be proven, nothing else is held for it"


def declared(configuration: Configuration, probed: Iterable[Probed] = ()) -> Mapping[str, Reach]:
    """What each surface can hold, by its kind, and as it was found where it was asked."""
    registry, seen = default(), {one.surface: one.seen for one in probed}
    found = {}
    for surface in configuration.surfaces():
        adapter, sight = registry.adapter_class(surface.adapter), seen.get(surface.name)
        found[surface.name] = Reach(
            declared=adapter.modes,
            enforced=adapter.modes & sight.enforceable if sight else None,
            why=redact(sight.why) if sight else "",
            attests=adapter.attests,
        )
    return found


class _Check:
    def __init__(self, loaded: Loaded, environment: Environment, registry: Registry) -> None:
        self._loaded, self._environment, self._registry = loaded, environment, registry
        self._drills = loaded.configuration.drills if loaded.configuration else ()

    def findings(self) -> Iterator[Finding]:
        configuration = self._loaded.configuration
        if configuration is not None:
            yield from self._agents(configuration)
            yield from self._stop(configuration)
            yield from self._restore(configuration)
            yield from self._workspace(configuration)
            yield from self._writers(configuration)
            yield from self._losing(configuration)
        yield from (self._say("adapters", "error", text, "") for text in self._registry.problems)
        yield from self._keys()
        yield from self._doors()

    def _agents(self, configuration: Configuration) -> Iterator[Finding]:
        if not configuration.agents:
            yield self._say(
                "agents", "error", "no agent is configured: nothing can be stopped", "add one below `agents:`"
            )
        for agent in configuration.agents:
            yield from self._agent(agent)
            for surface in agent.surfaces:
                yield from self._surface(surface)

    def _agent(self, agent: Agent) -> Iterator[Finding]:
        covered = {surface.surface_class for surface in agent.surfaces}
        covered |= {lost.surface_class for lost in agent.quarantined if lost.surface_class}
        for missing in SurfaceClass:
            if missing not in covered and missing not in agent.not_applicable:
                hint = f'add the surface, or say why there is none: not_applicable: {{{missing}: "reason"}}'
                message = f"{agent.id} has no {missing} surface and no reason for that"
                yield Finding(where=agent.id, level="gap", message=message, next=hint, tabled=True)
        for both in sorted(covered & agent.not_applicable.keys()):
            message = f"{agent.id} has a {both} surface, and not_applicable says that there is none"
            yield self._say(agent.id, "error", message, "remove one of the two")
        if agent.owner is None:
            message = f"{agent.id} has no owner: nobody of its own is called when a cut fails"
            yield self._say(agent.id, "note", message, "set owner to a Slack user id")
        if agent.owner in agent.slack_identities and agent.owner:
            message = f"{agent.id} is owned by one of its own slack_identities ({agent.owner})"
            yield self._say(agent.id, "error", message, "set owner to a person")

    def _surface(self, surface: Surface) -> Iterator[Finding]:
        drilled = any(surface.name in drill.surfaces for drill in self._drills)
        for lacks, why, hint in (
            (surface.canary is None, "has no canary: a cut is never tried under the agent's own credential", _CANARY),
            (surface.backstop is None, _NO_BACKSTOP, "add backstop: agent/surface"),
            (not drilled, "is in no drill: nobody knows that its cut works", "name it in one of `drills`"),
        ):
            if lacks:
                message = f"{surface.name} {why}"
                yield Finding(where=surface.name, level="note", message=message, next=hint, tabled=True)

        if surface.backlog is not None:
            yield from self._backlog(surface, surface.backlog)

    def _losing(self, configuration: Configuration) -> Iterator[Finding]:
        """A live drill that would be refused: its adapter may lose work in flight, and nobody accepted that."""
        by_name = {surface.name: surface for surface in configuration.surfaces()}
        for drill in configuration.drills:
            used = [by_name[name] for name in drill.surfaces if name in by_name] if drill.kind == "live" else []
            lossy = [it.name for it in used if self._loses(it.adapter)]
            if lossy and not drill.accept_loss:
                message = f"the drill {drill.id} never runs: {', '.join(lossy)} may lose work in flight"
                yield self._say(f"drills.{drill.id}", "error", message, "write accept_loss: true, or kind: tabletop")

    def _loses(self, kind: str) -> bool:
        """Whether a cut of this kind may lose work; one that is not installed is told elsewhere."""
        try:
            return self._registry.adapter_class(kind).reversal == "work_lost"
        except KindError:
            return False

    def _backlog(self, surface: Surface, policy: BacklogPolicy) -> Iterator[Finding]:
        """A policy that cannot be carried out stops no stop, and every restore of the surface."""
        adapter = self._registry.adapter_class(surface.adapter)
        able = adapter.policies(surface.settings) if issubclass(adapter, Backlog) else frozenset()
        if policy not in able:
            message = f"{surface.name} has the backlog policy {policy}, which {surface.adapter} cannot carry out there"
            known = f"accepted: {', '.join(sorted(able))}" if able else "remove backlog: no waiting work is told there"
            yield self._say(surface.name, "error", message, known)

    def _stop(self, configuration: Configuration) -> Iterator[Finding]:
        policy = configuration.policy.stop
        if not policy.groups and not policy.users:
            hint = "name a user group or people in policy.stop; the command line still works"
            yield self._say("policy.stop", "error", "nobody may stop: policy.stop names no group and no user", hint)
        elif not policy.users:
            message = "policy.stop names no user: until its groups were read once, nobody may stop while Slack is down"
            yield self._say("policy.stop", "note", message, "add a few people to policy.stop.users")
        yield from self._identities(configuration, "stop", policy.users)

    def _identities(self, configuration: Configuration, part: str, users: tuple[str, ...]) -> Iterator[Finding]:
        for agent in configuration.agents:
            for user in sorted(agent.slack_identities.intersection(users)):
                message = f"policy.{part}.users lists {user}, which is {agent.id} itself: an agent never counts"
                yield self._say(f"policy.{part}", "error", message, f"remove {user} from policy.{part}.users")

    def _restore(self, configuration: Configuration) -> Iterator[Finding]:
        policy = configuration.policy.restore
        yield from self._identities(configuration, "restore", policy.users)
        yield from self._identities(configuration, "approve", configuration.policy.approve.users)
        if policy.frozen:
            message = f"nobody can restore until this is mended: {policy.frozen}"
            yield self._say("policy.restore", "error", message, "mend the lines that are reported above")
        elif not policy.groups and not policy.users:
            message = "nobody may restore: policy.restore names no group and no user"
            yield self._say("policy.restore", "gap", message, "name the people who vote, or a user group")
        elif not policy.groups:
            yield from self._reachable(configuration, policy)
        if policy.second_factor:
            yield from self._second_factor(configuration, policy, policy.second_factor)

    def _second_factor(
        self, configuration: Configuration, policy: RestorePolicy, factor: SecondFactor
    ) -> Iterator[Finding]:
        """Whose codes can never count, and whether the others are enough."""
        agents = {identity: agent.id for agent in configuration.agents for identity in agent.slack_identities}
        part = "policy.restore.second_factor"
        for user in sorted(factor.seeds.keys() & agents.keys()):
            message = f"{part}.seeds lists {user}, which is {agents[user]} itself: an agent never confirms"
            yield self._say("policy.restore", "error", message, f"remove {user} from it")
        without = set() if policy.groups else factor.seeds.keys() - set(policy.users)
        for user in sorted(without - agents.keys()):
            message = f"{part}.seeds lists {user}, who does not vote: their code never counts"
            yield self._say("policy.restore", "error", message, f"add {user} to policy.restore.users, or remove them")
        able = len(factor.seeds.keys() - agents.keys() - without)
        if able < factor.quorum:
            message = f"{part}.quorum is {factor.quorum} and {able} of those enrolled can vote: it can never be reached"
            yield self._say("policy.restore", "error", message, "enrol more voters with `agent-kill enrol`")
        elif able == factor.quorum:
            message = f"{part} enrols {able}, as many as must confirm: what one of them asks or owns cannot be restored"
            yield self._say("policy.restore", "note", message, "enrol more voters with `agent-kill enrol`")

    def _reachable(self, configuration: Configuration, policy: RestorePolicy) -> Iterator[Finding]:
        agents = {identity for agent in configuration.agents for identity in agent.slack_identities}
        voters = len(set(policy.users) - agents)
        for name, quorum in (("quorum", policy.quorum), ("full_stop_quorum", policy.full_stop_quorum)):
            if voters < quorum:
                message = f"{name} is {quorum} and {voters} of policy.restore.users can vote: it can never be reached"
                yield self._say("policy.restore", "error", message, f"name {quorum} people or more, or a user group")

    def _workspace(self, configuration: Configuration) -> Iterator[Finding]:
        workspace = configuration.workspace
        if self._environment.slack and workspace.incident_channel is None:
            message = "Slack is configured and workspace.incident_channel is not: there is no channel for incidents"
            yield self._say("workspace", "error", message, "set it to the id of the incident channel")
        if self._environment.slack and workspace.audit_channel is None:
            message = (
                "workspace.audit_channel is not set: checkpoints of the audit are anchored nowhere outside this host"
            )
            yield self._say("workspace", "note", message, "set it to a channel id")

    def _writers(self, configuration: Configuration) -> Iterator[Finding]:
        writer = self._environment.writer
        if writer not in configuration.writers:
            message = f"this writer is {writer}, which `writers` does not list: restores would not wait for its journal"
            yield self._say("writers", "error", message, f"add {writer} to writers, or set AGENT_KILL_WRITER")

    def _keys(self) -> Iterator[Finding]:
        keys = (
            ("AGENT_KILL_STATE_KEY", self._environment.state_key, "without it undo records cannot be read"),
            (
                "AGENT_KILL_SIGNING_KEY",
                self._environment.signing_key,
                "without it new checkpoints cannot continue the old",
            ),
        )
        for name, value, loss in keys:
            if value is None:
                message = f"{name} is not set: the key made at the first start exists on this host alone; {loss}"
                yield self._say(name, "note", message, "keep a copy of it elsewhere, or set the variable")

    def _doors(self) -> Iterator[Finding]:
        environment = self._environment
        if environment.slack and environment.slack_bot_token is None:
            hint = "set it to the bot token (xoxb-…) of the app"
            yield self._say(
                "SLACK_BOT_TOKEN", "error", "SLACK_BOT_TOKEN is not set: nothing can be said in Slack", hint
            )
        if environment.slack_bot_token and not (environment.slack_app_token or environment.slack_signing_secret):
            message = "Slack has no way in: neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set"
            hint = "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP"
            yield self._say("SLACK_APP_TOKEN", "error", message, hint)
        for caller, secret in environment.stop_secrets.items():
            if len(secret.get_secret_value()) < _SHORT_SECRET:
                message = (
                    f"the secret of {caller} in AGENT_KILL_STOP_SECRETS is shorter than {_SHORT_SECRET} characters"
                )
                yield self._say("AGENT_KILL_STOP_SECRETS", "note", message, "make one with `openssl rand -hex 32`")

    def _say(self, name: str, level: Level, message: str, hint: str) -> Finding:
        """`where` is the line for a part of the policy, the name for an agent, a surface or a variable."""
        part = name.partition(".")[0] in ("policy", "workspace", "writers", "agents")
        where = str(self._loaded.places.get(name, self._loaded.file or name)) if part else name
        return Finding(where=where, level=level, message=message, next=hint)

"""What does a person see after typing a slash command?"""

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import socket_app


async def test_answer_in_the_acknowledgement(sim: Simulator) -> None:
    """The acknowledgement's payload is a message that only this person sees, and its time is measured."""
    async with socket_app(sim) as app:
        app.answer = {"text": "Stopping 3 agents."}
        result = await sim.person("oncall").slash("/agent-kill", "full_stop")
    assert (result.ok, result.text) == (True, "Stopping 3 agents.")
    assert result.ack_ms is not None
    assert result.ack_ms < 250
    assert [e.text for e in sim.person("oncall").sees("incident")] == ["Stopping 3 agents."]
    assert sim.person("owner").sees() == []
    assert sim.channel("incident").messages == []


async def test_answer_in_the_channel(sim: Simulator) -> None:
    """With response_type in_channel everybody sees it."""
    async with socket_app(sim) as app:
        app.answer = {"response_type": "in_channel", "text": "Stopping."}
        await sim.person("oncall").slash("/agent-kill")
    assert [m.text for m in sim.workspace.messages("incident")] == ["Stopping."]


async def test_no_commands_in_threads(sim: Simulator) -> None:
    """In a thread Slack itself refuses, in its own words, and the app hears nothing."""
    parent = sim.person("oncall").say("incident")
    result = await sim.person("oncall").slash("/agent-kill", "full_stop", in_thread=parent)
    assert result.shown == "/agent-kill is not supported in threads. Sorry!"
    assert sim.deliveries == []


async def test_undeclared_command(sim: Simulator) -> None:
    """A command that the manifest does not declare is none."""
    result = await sim.person("oncall").slash("/agent-launch")
    assert result.error == "unknown_command"
    assert result.shown.startswith("/agent-launch is not a valid command.")
    assert sim.deliveries == []


async def test_nobody_listens(sim: Simulator) -> None:
    """Without a connection the person reads dispatch_failed."""
    result = await sim.person("oncall").slash("/agent-kill")
    assert result.text == "/agent-kill failed with the error “dispatch_failed”"


async def test_late_acknowledgement(sim: Simulator) -> None:
    """Without an acknowledgement in time the person reads operation_timeout."""
    async with socket_app(sim) as app:
        app.acknowledge = False
        result = await sim.person("oncall").slash("/agent-kill")
    assert result.text == "/agent-kill failed with the error “operation_timeout”"
    assert result.ack_ms is None


async def test_escaping(sim: Simulator) -> None:
    """Only a command with should_escape gets people and channels as references."""
    async with socket_app(sim) as app:
        await sim.person("oncall").slash("/agent-kill", "stop @owner in #audit")
        await sim.person("oncall").slash("/agent-escaped", "stop @owner in #audit for @nobody")
        plain, escaped = (e["payload"]["text"] for e in app.envelopes)
    assert plain == "stop @owner in #audit"
    assert escaped == "stop <@U0OWNER|owner> in <#C0AUDIT|audit> for @nobody"


async def test_where_nobody_can_type(sim: Simulator) -> None:
    """A command cannot be typed in an archived channel or from outside the channel."""
    sim.admin.archive("random")
    assert (await sim.person("oncall").slash("/agent-kill", channel="random")).error == "is_archived"
    assert (await sim.person("stranger").slash("/agent-kill")).error == "not_in_channel"

"""What `agent-kill adapters show gate` tells."""

from adapters.base import Manual, Mode

MANUAL = Manual(
    techniques={
        Mode.APPROVAL_GATED: "every gate is told; a call that is not safe waits until a person approves exactly it",
        Mode.DRAFT_ONLY: "every gate is told; a call that is not safe is parked, answered 202, and done if released",
        Mode.READ_ONLY: "every gate is told; it lets through what the configuration calls safe, and refuses the rest",
        Mode.FULL_STOP: "every gate is told; it refuses every call and ends those under way, streams too",
    },
    in_flight="calls and streams are ended at both ends and counted; an upstream must mind that to stop too",
    setup="""\
# One secret for the bot and every gate that serves the surface, in the environment of both.
openssl rand -hex 32
# Where the gate runs: the same surface in its configuration file as in the bot's, and a state directory of its own.
# Agents reach --host:--port and nothing else there; the bot alone reaches --control-host:--control-port.
AGENT_KILL_STATE_DIR=/var/lib/agent-kill-gate agent-kill gate --config /etc/agent-kill/gate.yaml \\
    --host <address for agents> --port 3100 --control-host <address for the bot> --control-port 3101
# The agent's base address becomes http://<address for agents>:3100/<agent>/<surface>. Close every other way to the
# upstream (a firewall, or upstream_headers with a credential that the agent has not).
""",
    undo="""\
# First give the agent back its own address of the upstream, then end the gate.
rm -r /var/lib/agent-kill-gate
""",
    docs="docs/adapters/gate.md",
)

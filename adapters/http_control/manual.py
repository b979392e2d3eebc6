"""What `agent-kill adapters show http_control` tells."""

from pathlib import Path

from adapters.base import Manual, Mode

_FOLDER = Path(__file__).with_name("receiver")


def _paste(name: str) -> str:
    """A shell command that writes one file of the receiver."""
    text = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return f"cat > agent_kill_receiver/{name}.py <<'END_OF_FILE'\n{text}END_OF_FILE\n"


_PASTED = "\n".join(map(_paste, ("receiver", "work", "parking", "mount")))
MANUAL = Manual(
    techniques={
        Mode.APPROVAL_GATED: "the receiver is told; it parks what would write, and does what a person approved",
        Mode.DRAFT_ONLY: "the receiver is told; it parks what would write, until a person decides",
        Mode.READ_ONLY: "the receiver is told; it refuses what writes",
        Mode.FULL_STOP: "the receiver is told; it takes no call of the agent and ends the work in flight",
    },
    in_flight="the receiver ends it before it answers, and says how much it could not end",
    setup=f"""\
# One secret per receiver, for its environment and the bot's.
openssl rand -hex 32
# Where the receiver keeps its mode: without this file the agent stays stopped. A restart finds it again.
install -d -m 0700 <state>
echo '["normal", 0]' > <state>/mode.json
# For a service in Python, inside its source; docs/receiver.md says how to mount it. Others answer two HTTP calls.
mkdir agent_kill_receiver && touch agent_kill_receiver/__init__.py
{_PASTED}""",
    undo="""\
# First take the secret from both environments, and the route of the endpoint from the service.
rm -r agent_kill_receiver
rm -r <state>
""",
    docs="docs/adapters/http_control.md",
)

"""What `agent-kill adapters show http_control` tells."""

from adapters.base import Manual, Mode

MANUAL = Manual(
    techniques={
        Mode.APPROVAL_GATED: "the receiver is told; it carries out only what a person approved",
        Mode.DRAFT_ONLY: "the receiver is told; it parks what would write",
        Mode.READ_ONLY: "the receiver is told; it refuses what writes",
        Mode.FULL_STOP: "the receiver is told; it takes no call of the agent and ends the work in flight",
    },
    in_flight="the receiver ends it before it answers, and says how much it could not end",
    setup="""\
# One secret per receiver, for its environment and the bot's. The page has a receiver to paste, in under 60 lines.
openssl rand -hex 32
""",
    undo="""\
# Take the secret from both environments, and the route of the endpoint from the receiver.
unset <secret>
""",
    docs="docs/adapters/http_control.md",
)

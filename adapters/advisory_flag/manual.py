"""What `agent-kill adapters show advisory_flag` tells."""

from adapters.base import Manual, Mode

_OFF = "the flag of this mode and those of the milder ones are switched off and read back; the agent has to mind them"

MANUAL = Manual(
    techniques={mode: _OFF for mode in Mode if mode is not Mode.NORMAL},
    in_flight="goes on, and cannot be seen: a flag is read before work begins",
    setup="""\
# One flag per mode that the agent asks about before it acts. On means that it may, so that an unknown flag forbids.
# Off in full_stop: <billing-acts>. Off from read_only on: <billing-writes>. The others only where the agent minds them.
for flag in <billing-acts> <billing-writes>; do
  curl -sf -H 'Authorization: <admin token>' -H 'Content-Type: application/json' \\
    -d "{\\"name\\": \\"$flag\\", \\"type\\": \\"permission\\"}" <https://unleash.internal>/api/admin/projects/default/features
  curl -sf -X POST -H 'Authorization: <admin token>' \\
    <https://unleash.internal>/api/admin/projects/default/features/$flag/environments/production/on
done
# Then an API token for the bot that may change flags of this project; what the agent has is a client token.
""",
    undo="""\
archive the flags once the agent asks for them no more (an archived flag reads as off), and delete the bot's token
""",
    docs="docs/adapters/advisory_flag.md",
)

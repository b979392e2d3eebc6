"""What `agent-kill adapters show nats_user` tells."""

from adapters.base import Manual, Mode
from adapters.nats_user.backlog import DELETE, EVERY, GET, MOVING, OURS, PURGE, STREAM
from adapters.nats_user.consumers import INFO, PAUSE
from adapters.nats_user.look import ACCOUNTZ, CONNZ, UPDATE, VARZ

_PUBLISH = (UPDATE, "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", ACCOUNTZ, CONNZ, VARZ, "$SYS.REQ.SERVER.*.KICK")
_INBOX = "_INBOX.agent-kill.>"
PERMISSIONS = (*(f"publish {subject}" for subject in _PUBLISH), f"subscribe {_INBOX}")

_pausing = ",".join(subject.format("<STREAM>", "<CONSUMER>") for subject in (PAUSE, INFO))

_moving = ",".join((*(subject.format("<STREAM>") for subject in (STREAM, PURGE, GET)), *MOVING))
_kept = ",".join((EVERY, f"$JS.API.STREAM.*.{OURS}", DELETE))

MANUAL = Manual(
    techniques={
        Mode.READ_ONLY: (
            "one new account JWT for every server: the role's template denies every publish, every reply and every "
            "queue group; its connections end and may come back to listen"
        ),
        Mode.FULL_STOP: (
            "one new account JWT for every server: the role's template denies everything and every type of connection; "
            "its connections end, what is left is kicked, and CONNZ shows none; settings.consumers are paused in both"
        ),
    },
    in_flight=(
        "subscriptions and pulls end with their connections; a message that was delivered and not acknowledged stays "
        "in its stream and is delivered again after the restore; of a consumer that is paused nobody gets anything"
    ),
    setup=f"""\
# A role of the agent's own; all its users are issued by it.
nsc edit signing-key --account <ACCOUNT> --role <AGENT> --sk generate --allow-pub '<SUBJECTS>' --allow-sub '<SUBJECTS>'
nsc add user --account <ACCOUNT> --name <AGENT> -K <AGENT>
nsc generate creds --account <ACCOUNT> --name <AGENT> > agent.creds
# A signing key of the operator for the bot; settings.operator_seed is its seed. Then reload every server.
nsc edit operator --sk generate
# The bot's user; settings.creds is the text of its file.
nsc add user --account SYS --name agent_kill --allow-pub '{",".join(_PUBLISH)}' --allow-sub '{_INBOX}'
nsc generate creds --account SYS --name agent_kill > agent_kill.creds
# settings.consumers: the bot's user in the agent's account; settings.stream_creds is the text of its file.
nsc add user --account <ACCOUNT> --name agent_kill_streams --allow-pub '{_pausing}' --allow-sub '{_INBOX}'
nsc generate creds --account <ACCOUNT> --name agent_kill_streams > agent_kill_streams.creds
# settings.backlog: a stream of the bot's, out of the agent's reach, and for that user the right to move what waits.
nats stream add {OURS} --subjects '{EVERY}' --storage file --discard new --discard-per-subject \\
    --max-msgs-per-subject 1 --defaults
nsc edit user --account <ACCOUNT> --name agent_kill_streams --allow-pub '{_moving},<SUBJECTS OF THE STREAM>'
nsc edit signing-key --account <ACCOUNT> --sk <AGENT> --deny-pub '{_kept}'
nsc push --all
""",
    undo="""\
nsc delete user --account SYS --name agent_kill --revoke
nsc delete user --account <ACCOUNT> --name agent_kill_streams --revoke
nats stream rm AGENT_KILL
nsc edit operator --rm-sk <KEY OF THE BOT>
nsc push --all
# Then reload every server, so that none trusts the key any more.
""",
    docs="docs/adapters/nats_user.md",
)

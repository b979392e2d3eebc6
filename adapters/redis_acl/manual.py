"""What `agent-kill adapters show redis_acl` tells."""

from adapters.base import Manual, Mode
from adapters.redis_acl.drafts import RIGHTS

PERMISSIONS = (
    "+acl|getuser", "+acl|setuser", "+acl|cat", "+acl|dryrun", "+acl|list", "+acl|save", "+client|kill", "+client|list",
    "+client|id", "+cluster|nodes", "+config|get", "+info", "+script|kill", "+function|kill", "+multi", "+exec",
)  # fmt: skip

_QUEUE_RIGHTS = (
    "~agent-kill:*", "~<queue>", "+type", "+watch", "+unwatch", "+exists", "+llen", "+xlen", "+scard", "+zcard",
    "+hlen", "+xinfo|groups", "+xpending", "+rename", "+renamenx", "+copy", "+unlink", "+xgroup|setid", "+xack", "+set",
    "+hset", "+hgetall", "+hdel", "+lmove", "+xrange", "+xadd", "+xdel",
)  # fmt: skip

MANUAL = Manual(
    techniques={
        Mode.DRAFT_ONLY: (
            "as read_only, and besides the writes of single keys under settings.draft_prefix, for people to release; "
            "held as read_only where no prefix is set, the agent could remove what is parked, or in a cluster"
        ),
        Mode.READ_ONLY: (
            "a short full stop, then one ACL SETUSER that gives back the reads of a fixed list on the agent's own "
            "keys; held as full_stop on Redis 6 and beside an open door, as a default user without a password is"
        ),
        Mode.FULL_STOP: (
            "one ACL SETUSER that takes the login, every command, key and channel and leaves the mark; CLIENT KILL "
            "USER until CLIENT LIST shows no session; ACL SAVE, or CONFIG REWRITE where the bot may; on every node"
        ),
    },
    in_flight=(
        "blocked commands, open MULTIs, subscribers, MONITORs and replication links end with their sessions; a script "
        "that wrote cannot be ended"
    ),
    setup=f"""\
ACL SETUSER agent_kill on ><password> resetkeys resetchannels -@all {" ".join(PERMISSIONS)}
# settings.queues:
ACL SETUSER agent_kill {" ".join(_QUEUE_RIGHTS)}
# settings.draft_prefix: keys that outlive a restart, and an agent that cannot remove what is parked
ACL SETUSER agent_kill ~agent-kill:* ~<draft_prefix>* ~<proposed> {" ".join(RIGHTS)}
CONFIG SET appendonly yes
ACL SETUSER <agent> resetkeys ~<proposed> ~<draft_prefix>* -@admin -@dangerous
# on every node
ACL SAVE
""",
    undo="""\
ACL DELUSER agent_kill
ACL SAVE
""",
    docs="docs/adapters/redis_acl.md",
)

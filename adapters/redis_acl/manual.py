"""What `agent-kill adapters show redis_acl` tells."""

from adapters.base import Manual, Mode

PERMISSIONS = (
    "+acl|getuser", "+acl|setuser", "+acl|cat", "+acl|dryrun", "+acl|save", "+client|kill", "+client|list",
    "+client|id", "+script|kill", "+function|kill", "+multi", "+exec",
)  # fmt: skip

_QUEUE_RIGHTS = (
    "~agent-kill:*", "~<queue>", "+type", "+watch", "+unwatch", "+exists", "+llen", "+xlen", "+scard", "+zcard",
    "+hlen", "+xinfo|groups", "+xpending", "+rename", "+renamenx", "+copy", "+unlink", "+xgroup|setid", "+xack", "+set",
    "+hset", "+hgetall", "+hdel", "+lmove", "+xrange", "+xadd", "+xdel",
)  # fmt: skip

MANUAL = Manual(
    techniques={
        Mode.READ_ONLY: (
            "a short full stop, then one ACL SETUSER that gives back the reads of a fixed list on the agent's own "
            "keys; held as full_stop on Redis 6 and beside an open default user"
        ),
        Mode.FULL_STOP: (
            "one ACL SETUSER that takes the login, every command, key and channel and leaves the mark; CLIENT KILL "
            "USER until CLIENT LIST shows no session; ACL SAVE"
        ),
    },
    in_flight=(
        "blocked commands, open MULTIs and subscribers end with their sessions; a script that wrote cannot be ended"
    ),
    setup=f"""\
ACL SETUSER agent_kill on ><password> resetkeys resetchannels -@all {" ".join(PERMISSIONS)}
ACL SETUSER agent_kill {" ".join(_QUEUE_RIGHTS)}
ACL SAVE
""",
    undo="""\
ACL DELUSER agent_kill
ACL SAVE
""",
    docs="docs/adapters/redis_acl.md",
)

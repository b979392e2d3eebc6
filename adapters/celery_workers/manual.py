"""What `agent-kill adapters show celery_workers` tells."""

from pathlib import Path

from adapters.base import Manual, Mode

EXTENSION = Path(__file__).with_name("agent_kill_celery.py")
PERMISSIONS = (
    "~agent-kill:*", "~<queue>*", "~_kombu.binding.<queue>", "~unacked", "~unacked_index",
    "&/<database>.celery.pidbox", "+get", "+set", "+del",
    "+watch", "+unwatch", "+multi", "+exec", "+publish", "+brpop", "+expire", "+exists", "+llen", "+rename", "+lmove",
    "+hset", "+hgetall", "+hexists",
    "+hdel", "+zrem", "+rpush", "+select", "+acl|dryrun",
)  # fmt: skip

MANUAL = Manual(
    techniques={
        Mode.FULL_STOP: (
            "every node is told to take no more tasks from the queues, and every task that runs, is fetched or put off "
            "is revoked with SIGKILL, until all listed nodes answer that they have none and that no process of a task "
            "is left; without the set-up's module those processes are not seen, NOT PROVEN"
        )
    },
    in_flight="killed and acknowledged; tasks that were fetched or put off and not begun are lost with it",
    setup=f"""\
# In Redis, for the bot:
ACL SETUSER agent_kill on ><password> resetkeys resetchannels -@all {" ".join(PERMISSIONS)}
ACL SAVE
# On every host of the workers. It is all of it: read it, it runs with the workers' rights.
cat > <folder on the workers' PYTHONPATH>/agent_kill_celery.py <<'END'
{EXTENSION.read_text(encoding="utf-8")}END
# Then start the workers with it, each under a name that is in settings.nodes:
celery -A <app> worker --include agent_kill_celery --hostname <celery@host> --queues <queue>
""",
    undo="""\
start the workers without --include, remove agent_kill_celery.py, then: ACL DELUSER agent_kill, ACL SAVE
""",
    docs="docs/adapters/celery_workers.md",
)

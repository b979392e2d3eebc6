"""What `agent-kill adapters show rq_queue` tells."""

from pathlib import Path

from adapters.base import Manual, Mode

EXTENSION = Path(__file__).with_name("agent_kill_rq.py")
PERMISSIONS = (
    "~rq:*", "~agent-kill:*", "&rq:pubsub:*", "+get", "+set", "+del", "+pttl", "+smembers", "+hmget", "+hset",
    "+zrange", "+publish", "+lpush", "+lrem", "+expire", "+watch", "+unwatch", "+multi", "+exec", "+select",
    "+acl|dryrun",
)  # fmt: skip
QUEUE_RIGHTS = ("+exists", "+llen", "+renamenx", "+rename", "+lmove", "+lrange", "+hgetall", "+hdel")

MANUAL = Manual(
    techniques={
        Mode.FULL_STOP: (
            "RQ is suspended, workers that wait are woken by a job that does nothing, jobs that run are stopped, "
            "until every worker reports that it saw this suspension and that no process of its jobs is left; without "
            "the worker class of the set-up those processes are not seen, NOT PROVEN"
        )
    },
    in_flight="killed; RQ keeps it in its registry of failed jobs, and no retry is made; what it did is not undone",
    setup=f"""\
# In Redis, for the bot; the last line for settings.queues:
ACL SETUSER agent_kill on ><password> resetkeys resetchannels -@all {" ".join(PERMISSIONS)}
ACL SETUSER agent_kill {" ".join(QUEUE_RIGHTS)}
ACL SAVE
# On every host of the workers. It is all of it: read it, it runs with the workers' rights.
cat > <folder on the workers' PYTHONPATH>/agent_kill_rq.py <<'END'
{EXTENSION.read_text(encoding="utf-8")}END
# Then start the workers with it; their own login needs ~agent-kill:rq:*
rq worker --worker-class agent_kill_rq.Worker <queue>
""",
    undo="""\
start the workers without --worker-class, remove agent_kill_rq.py, then: ACL DELUSER agent_kill, ACL SAVE
""",
    docs="docs/adapters/rq_queue.md",
)

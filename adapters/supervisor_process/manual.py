"""What `agent-kill adapters show supervisor_process` tells."""

from pathlib import Path

from adapters.base import Manual, Mode

EXTENSION = Path(__file__).with_name("agent_kill_supervisor.py")

MANUAL = Manual(
    techniques={
        Mode.FULL_STOP: (
            "every process of the programs is frozen, then stopped at supervisord and killed, with what descends from "
            "it or left its group and session, until the process table shows none; without the extension only what "
            "supervisord knows of, NOT PROVEN"
        )
    },
    in_flight="killed with its process: SIGKILL, or after settings.drain's SIGTERM; what it was doing is lost",
    setup=f"""\
# On supervisord's host. It is all of the extension: read it, it runs with supervisord's rights.
cat > <folder on supervisord's PYTHONPATH>/agent_kill_supervisor.py <<'END'
{EXTENSION.read_text(encoding="utf-8")}END
# Into supervisord.conf, and then restart supervisord, which restarts its programs:
[rpcinterface:agent_kill]
supervisor.rpcinterface_factory = agent_kill_supervisor:extension

[inet_http_server]
port = <127.0.0.1:9001>
username = agent_kill
password = <password>
""",
    undo="""\
take both sections out of supervisord.conf, restart supervisord, and remove agent_kill_supervisor.py
""",
    docs="docs/adapters/supervisor_process.md",
)

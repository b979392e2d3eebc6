"""A Celery app over Redis with an agent's tasks."""

import os
import subprocess
import sys
import time

from celery import Celery

from tests.contract import rq_jobs

BROKER = os.environ.get("AGENT_BROKER", "redis://127.0.0.1:1/0")
app = Celery("agent", broker=BROKER, backend="cache+memory://")
app.conf.update(
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=2,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_transport_options={"visibility_timeout": 3600},
)


@app.task  # type: ignore[untyped-decorator]  # the library's
def act(effects: str, what: str = "act") -> None:
    """One effect."""
    rq_jobs.act(effects, what)


@app.task(acks_late=True)  # type: ignore[untyped-decorator]  # the library's
def slow(effects: str, trigger: str) -> None:
    """One effect, once the trigger is there; acknowledged at its end."""
    rq_jobs.slow(effects, trigger)


@app.task  # type: ignore[untyped-decorator]  # the library's
def leave(effects: str, trigger: str) -> None:
    """Leaves a process in its own session, without environment and parents, that acts once the trigger is there."""
    words = [sys.executable, "-c", rq_jobs._LATE, effects, trigger]
    subprocess.run(["sh", "-c", 'setsid "$@" & exit 0', "sh", *words], check=True, env={"PATH": os.environ["PATH"]})


@app.task  # type: ignore[untyped-decorator]  # the library's
def stubborn(effects: str) -> None:
    """Acts without end, and has a child in a session of its own that does the same."""
    if os.fork() == 0:
        os.setsid()
        rq_jobs.for_ever(effects)
    rq_jobs.for_ever(effects)


@app.task  # type: ignore[untyped-decorator]  # the library's
def breeding(effects: str) -> None:
    """A child that leaves another one, again and again."""
    if os.fork() == 0:
        rq_jobs.breeding(effects)
    time.sleep(1000)

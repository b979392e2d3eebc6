"""A worker of the agent's Celery app. Words: NAME QUEUE [MODULE…]."""

import sys

from tests.contract.celery_jobs import app

if __name__ == "__main__":
    name, queue, *include = sys.argv[1:]
    words = ["worker", "--hostname", name, "--queues", queue, "--concurrency", "2", "--loglevel", "INFO"]
    words += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main([*words, *(word for one in include for word in ("--include", one))])

# syntax=docker/dockerfile:1
# Builds with `docker build -t agent-kill .`; runs with the configuration and the state mounted, see docs/http.md.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/agent-kill
WORKDIR /src
COPY requirements/base.txt requirements/base.txt
# Everything that the bot depends on is pinned by its hash; wheels only, so that no stranger's build script runs.
RUN /opt/agent-kill/bin/pip install --require-hashes --only-binary :all: -r requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY bot bot
# The build tool is resolved once, by pip's own build isolation; the bot itself brings nothing further.
RUN /opt/agent-kill/bin/pip install --no-deps .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin agent-kill \
    && install --directory --mode 0700 --owner agent-kill --group agent-kill /var/lib/agent-kill
COPY --from=build /opt/agent-kill /opt/agent-kill
ENV PATH=/opt/agent-kill/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AGENT_KILL_STATE_DIR=/var/lib/agent-kill \
    AGENT_KILL_CONFIG=/etc/agent-kill/agent-kill.yaml \
    AGENT_KILL_HOST=0.0.0.0 \
    AGENT_KILL_PORT=3000 \
    AGENT_KILL_ADMIN_PORT=3001
USER agent-kill
# The journal lives here: a stop that was answered RECORDED survives the container only with this volume.
VOLUME /var/lib/agent-kill
# Slack's requests and /v1/stop; the private listener stays on loopback inside the container.
EXPOSE 3000
# Whether the bot answers at all; /readyz also fails for Slack, and a restart would not help there.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['AGENT_KILL_PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["agent-kill"]
CMD ["serve"]

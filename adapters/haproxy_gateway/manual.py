"""What `agent-kill adapters show haproxy_gateway` tells; the tests run HAProxy on the rules of its set-up."""

from adapters.base import Manual, Mode

SETUP = r"""
# 1. The map, one line per backend that an agent goes through. HAProxy reads it when it starts or reloads; the bot
#    replaces it by renaming, so it has a folder of its own, which the bot's group may write in:
#
#      install -d -m 2775 -g agent-kill /etc/haproxy/agent-kill
#      echo "billing_llm normal" > /etc/haproxy/agent-kill/agents.map
#
# 2. haproxy.cfg. With `haproxy -W -S /run/haproxy/agent-kill.sock,level,admin,mode,660,group,agent-kill` instead of
#    `stats socket` the bot also reaches the workers that a reload left behind with requests under way.

global
    stats socket /run/haproxy/agent-kill.sock mode 660 group agent-kill level admin
    hard-stop-after 30m

# The rules, to stand before your own `defaults`: HAProxy gives the last section of that name to whatever follows without
# `from`. Any word of the map that they do not know is a full stop, and so is a line that is missing. No http-request
# rule may answer before them, and none that waits (wait-for-body, Lua, SPOE) may stand behind them. Without abortonclose
# a queued request that was ended would still go out when its turn comes.
defaults agents
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout tunnel 1h
    option abortonclose
    http-request set-var(txn.agent_kill) be_name,map_str(/etc/haproxy/agent-kill/agents.map,full_stop),field(1,:)
    acl agent_kill_normal  var(txn.agent_kill) -m str normal
    acl agent_kill_reduced var(txn.agent_kill) -m str read_only
    acl agent_kill_read    method GET HEAD OPTIONS
    acl agent_kill_dressed req.fhdr_cnt(x-http-method-override) gt 0
    acl agent_kill_dressed req.fhdr_cnt(x-http-method) gt 0
    acl agent_kill_dressed req.fhdr_cnt(x-method-override) gt 0
    acl agent_kill_dressed url_param(_method) -m found
    acl agent_kill_dressed req.fhdr_cnt(upgrade) gt 0
    http-request deny status 403 content-type text/plain string stopped hdr X-Agent-Kill-Mode %[var(txn.agent_kill)] if !agent_kill_normal !agent_kill_reduced
    http-request deny status 403 content-type text/plain string reduced hdr X-Agent-Kill-Mode %[var(txn.agent_kill)] if agent_kill_reduced !agent_kill_read
    http-request deny status 403 content-type text/plain string reduced hdr X-Agent-Kill-Mode %[var(txn.agent_kill)] if agent_kill_reduced agent_kill_dressed
    http-request return status 200 content-type text/plain string open hdr X-Agent-Kill-Mode %[var(txn.agent_kill)] if { path -m end /.well-known/agent-kill }
    http-response del-header X-Agent-Kill-Mode

# One backend per agent and upstream. Its name is its key in the map. However your frontends tell agents apart, each
# agent's requests must end up in its own backend, and the upstream must not be reachable past HAProxy.
backend billing_llm from agents
    server upstream llm.example.net:443 ssl verify required ca-file @system-ca sni str(llm.example.net)

# 3. haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy
"""  # noqa: E501  # HAProxy has no continued lines

MANUAL = Manual(
    techniques={
        Mode.READ_ONLY: (
            "the backend's entry in the map says read_only, in the file first; the rules then refuse every method but "
            "GET, HEAD and OPTIONS, override headers and upgrades; every request that began before is ended"
        ),
        Mode.FULL_STOP: (
            "the backend's entry in the map says full_stop, in the file first; the rules then refuse every request; "
            "every request under way, queued ones too, is ended until show sess lists none"
        ),
    },
    in_flight="streams, tunnels, uploads and queued requests end at both ends; an upstream must mind that to stop too",
    setup=SETUP.lstrip(),
    undo="""\
lift every hold with /agent-restore first: without the rules nothing is held here
take `from agents` off the backends and `defaults agents` out of haproxy.cfg, and reload
remove the socket and /etc/haproxy/agent-kill
""",
    docs="docs/adapters/haproxy_gateway.md",
)

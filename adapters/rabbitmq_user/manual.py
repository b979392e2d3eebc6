"""What `agent-kill adapters show rabbitmq_user` tells."""

from adapters.base import Manual, Mode
from adapters.rabbitmq_user.line import ADMINISTRATOR

_PARKED = (
    "a short full stop; its exchange is bound to a queue of drafts instead of to what its messages are for, it may "
    "publish to that exchange alone and read what is not parked"
)
_OURS = "agent-kill[.]"
_NO_LIMIT = '{"delivery-limit": -1}'
PERMISSIONS = (
    ADMINISTRATOR,
    f"configure ^{_OURS}",
    f"write ^({_OURS}.*|amq[.]default|<TO>)$",
    f"read ^({_OURS}.*|<EXCHANGE>|<QUEUES>)$",
)

MANUAL = Manual(
    techniques={
        Mode.APPROVAL_GATED: f"{_PARKED}; the queue is `waiting`, and what is approved is published",
        Mode.DRAFT_ONLY: f"{_PARKED}; the queue is `drafts`",
        Mode.READ_ONLY: (
            "a short full stop; its permissions in every vhost are replaced by none: no publish, no consume, no "
            "purge, but what may be seen without (queue lengths), and reads of the streams that the settings name"
        ),
        Mode.FULL_STOP: (
            "its limit of connections is set to 0, its permissions in every vhost are taken away, and its "
            "connections are closed until none is left"
        ),
    },
    in_flight=(
        "transactions that were not committed are rolled back; a message that was delivered and not acknowledged "
        "waits again, for another consumer now or for the agent after the restore"
    ),
    setup=f"""\
# As an administrator, with the rabbitmqadmin that a node serves at /cli. First nobody keeps the password of the set-up.
rabbitmqadmin delete user name=guest
rabbitmqadmin declare user name=agent_kill password='<PASSWORD OF THE BOT>' tags=administrator
rabbitmqadmin declare permission vhost=<VHOST> user=agent_kill configure='^{_OURS}' \\
  write='^({_OURS}.*|amq[.]default|<TO>)$' read='^({_OURS}.*|<EXCHANGE>|<QUEUES>)$'
# For draft_only and approval_gated: an exchange of the agent's own, which leads to the one that it published to before.
rabbitmqadmin -V <VHOST> declare exchange name=<EXCHANGE> type=fanout durable=true
rabbitmqadmin -V <VHOST> declare binding source=<EXCHANGE> destination_type=exchange destination=<TO>
rabbitmqadmin -V <VHOST> declare queue name=agent-kill.<EXCHANGE>.drafts queue_type=quorum durable=true
rabbitmqadmin -V <VHOST> declare queue name=agent-kill.<EXCHANGE>.waiting queue_type=quorum durable=true
rabbitmqadmin -V <VHOST> declare queue name=agent-kill.<EXCHANGE>.done queue_type=quorum durable=true \\
  arguments='{{"x-message-ttl": 2592000000}}'
# The agent publishes to <EXCHANGE> from now on, and may do no more than it needs.
rabbitmqadmin declare permission vhost=<VHOST> user=<AGENT> configure='' write='^<EXCHANGE>$' read='^(<QUEUES>)$'
# Only on RabbitMQ 4, which drops a message of a quorum queue after 20 deliveries (each look at what is parked is one):
# rabbitmqadmin -V <VHOST> declare policy name=agent-kill pattern='^{_OURS}' definition='{_NO_LIMIT}' apply-to=queues
# In rabbitmq.conf of each node, so that the bot's connection stays warm between two looks; then restart it:
# management.tcp.idle_timeout = 180000
# management.tcp.inactivity_timeout = 180000
# management.tcp.request_timeout = 180000
""",
    undo="""\
# First lift every hold, and let the agent publish to <TO> itself again.
rabbitmqadmin declare permission vhost=<VHOST> user=<AGENT> configure='<CONFIGURE>' write='<WRITE>' read='<READ>'
rabbitmqadmin -V <VHOST> delete exchange name=<EXCHANGE>
# What is still parked goes with these.
rabbitmqadmin -V <VHOST> delete queue name=agent-kill.<EXCHANGE>.drafts
rabbitmqadmin -V <VHOST> delete queue name=agent-kill.<EXCHANGE>.waiting
rabbitmqadmin -V <VHOST> delete queue name=agent-kill.<EXCHANGE>.done
rabbitmqadmin delete user name=agent_kill
""",
    docs="docs/adapters/rabbitmq_user.md",
)

"""The tables of the ledger: the journals' entries, and what they amount to.

Times are Unix seconds in a double, as in the journal, so that both engines compare and print them alike and no time
zone comes in between. Nothing refers to anything by a foreign key: entries of different journals arrive in any order.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

entries = sa.Table(  # every line of every journal, as it was written
    "entries",
    metadata,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index(None, "at"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text),
    sa.Column("opened_at", sa.Double),  # null where it is known by its close only, until its stops arrive
    sa.Column("closed_at", sa.Double),
    sa.Column("closed_by", sa.Text),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("incident", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("by_kind", sa.Text, nullable=False),
    sa.Column("by_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("parent", sa.Text),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "incident"),
)

reasons = sa.Table(  # given afterwards; one may arrive before its hold
    "reasons",
    metadata,
    sa.Column("hold", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by_kind", sa.Text, nullable=False),
    sa.Column("by_id", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

lifts = sa.Table(
    "lifts",
    metadata,
    sa.Column("hold", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("ballot", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

proofs = sa.Table(  # the latest that is known of each target
    "proofs",
    metadata,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("strictness", sa.SmallInteger, nullable=False),  # of what was asked; 0 is normal
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("held", sa.Text),
    sa.Column("attempt", sa.Text),
    sa.Column("ended", sa.Integer, nullable=False),
    sa.Column("in_flight", sa.Integer),  # null where it cannot be seen
    sa.Column("elapsed_ms", sa.Double, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

receipts = sa.Table(  # what became of each hold on each target; final once lifted
    "receipts",
    metadata,
    sa.Column("hold", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("strictness", sa.SmallInteger, nullable=False),
    sa.Column("surfaces", sa.Text, nullable=False),  # names, one a line
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("held", sa.Text),
    sa.Column("attempt", sa.Text),
    sa.Column("ended", sa.Integer, nullable=False),
    sa.Column("in_flight", sa.Integer),
    sa.Column("elapsed_ms", sa.Double, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),  # 0 while pending
    sa.Index(None, "target"),
)

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("incident", sa.Text, primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("ts", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

drill_claims = sa.Table(  # who takes a due time of a drill, so that nothing runs twice; not from any journal
    "drill_claims",
    metadata,
    sa.Column("drill", sa.Text, primary_key=True),
    sa.Column("due", sa.Double, primary_key=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

drill_runs = sa.Table(  # what came of each run
    "drill_runs",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("drill", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("card", sa.Text, nullable=False),  # JSON
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "drill"),
)

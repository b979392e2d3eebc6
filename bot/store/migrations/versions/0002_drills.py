"""Drills: who takes a due time, and what came of each run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drill_claims",
        sa.Column("drill", sa.Text(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("drill", "due", name=op.f("pk_drill_claims")),
    )
    op.create_table(
        "drill_runs",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("drill", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_drill_runs")),
    )
    op.create_index(op.f("ix_drill_runs_drill"), "drill_runs", ["drill"], unique=False)


def downgrade() -> None:
    op.drop_table("drill_runs")
    op.drop_table("drill_claims")

"""What does a bot with too few rights over a PostgreSQL role still do, and what does it say?"""

from tests.contract.servers import Database
from tests.contract.test_postgres_role import PostgresRig


async def test_a_superuser_is_told_from_a_member_of_the_bot(postgres_database: Database) -> None:
    """An agent with SUPERUSER is to lose it, not to be kept apart from the bot; a bot with SUPERUSER misses nothing."""
    agent, bot = postgres_database.agent, postgres_database.bot
    await postgres_database.run(f"ALTER ROLE {agent} SUPERUSER")
    adapter = PostgresRig(postgres_database).adapter()
    assert await adapter.preflight() == (
        f'ALTER ROLE "{agent}" NOSUPERUSER: only a superuser may stop one; or ALTER ROLE "{bot}" SUPERUSER',
    )
    await postgres_database.run(f"ALTER ROLE {bot} SUPERUSER")
    assert await adapter.preflight() == ()
    await postgres_database.run(f"ALTER ROLE {agent} NOSUPERUSER; REVOKE {agent} FROM {bot}; GRANT {bot} TO {agent}")
    assert await adapter.preflight() == (
        f'another login for the bot: the agent\'s role "{agent}" is, or is a member of, "{bot}"',
    )
    await adapter.aclose()

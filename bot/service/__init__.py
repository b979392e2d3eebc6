"""Use cases. They know the adapter contract and the ports that they define, not Slack and not the database."""

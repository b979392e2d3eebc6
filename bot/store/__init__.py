"""The ledger in the database, behind the ports of `bot.service`."""

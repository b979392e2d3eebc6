"""Migrations of the ledger, run by `bot/store/upgrade.py`."""

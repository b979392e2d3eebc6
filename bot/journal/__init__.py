"""The durable truth of the stop path: append-only, fsynced, hash-chained files."""

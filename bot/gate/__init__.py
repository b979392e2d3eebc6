"""The gate that agents' calls go through, a process of its own."""

"""Surface adapters: one file per kind of system where an agent holds authority."""

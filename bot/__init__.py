"""agent-kill: a kill switch for AI agents."""

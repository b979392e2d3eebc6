"""The enforcement points of the demo: small programs that stand between an agent and what it acts on.

Each runs as a process of its own, apart from the agent, and takes its orders over one signed control endpoint.
"""

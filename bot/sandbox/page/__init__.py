"""The demo's page: the simulated workspace and the agent's surfaces in a browser, over one small API on loopback."""

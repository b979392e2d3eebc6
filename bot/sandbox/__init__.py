"""A simulated Slack workspace for the acceptance tests and the demo; shares nothing with the bot."""

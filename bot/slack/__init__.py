"""The Slack room: listeners, blocks, thread, roster, guard."""

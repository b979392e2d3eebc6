"""What the thread says, as Block Kit: pure functions from a story to messages."""

"""The demo: a small company whose agents really work, the ordinary bot beside them, and a play that judges both."""

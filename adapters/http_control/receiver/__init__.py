"""The reference receiver, in files that a service pastes: they import nothing of this package."""

"""The public and the private HTTP listeners."""

"""The stop protocol as a model for Spin, and what checks it."""

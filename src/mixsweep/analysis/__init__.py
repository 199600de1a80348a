"""The analyses: pure functions from datasets to datasets and tables."""

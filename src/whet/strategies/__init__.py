"""The shelf of strategies: one file a strategy."""

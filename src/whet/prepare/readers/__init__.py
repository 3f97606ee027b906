"""The shelf of readers: one file a format."""

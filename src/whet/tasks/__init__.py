"""The shelf of tasks: one file a task."""

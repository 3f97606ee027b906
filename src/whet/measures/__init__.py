"""Metrics that a recipe may ask for beside a task's own: a file here is one of them."""

"""Searching: which strategy suits this data, by training all of them alike."""

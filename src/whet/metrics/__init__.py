"""Scores as pure functions: from columns of numbers to metrics, with bootstrap intervals."""

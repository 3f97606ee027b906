"""From names to a working model: where its weights come from, what is new in them, and what answers rows."""

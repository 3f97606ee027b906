"""Peers as an expert would run them; corrections are welcome. Each prints one JSON object on its last line."""

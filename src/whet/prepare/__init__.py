"""From a path to checked rows: read, find the columns, split, encode and batch."""

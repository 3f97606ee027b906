"""The benches behind "ahead of every peer on the same machine": each gives rows of the table in docs/benchmarks.md."""

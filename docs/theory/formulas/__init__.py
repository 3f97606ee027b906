"""The functions that the theory's pages show: one module a page, numpy alone; tests/theory checks each."""

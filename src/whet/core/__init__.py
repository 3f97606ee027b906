"""The ground floor: errors, shelves, the run directory, seeded draws and plain values. Never imports torch."""

"""Tensors only: flattened batches, heads, dropout, low-rank layers, the parts of a network and the machine's probe."""

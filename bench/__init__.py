"""Side by side with peers: fresh processes, interleaved, equal data, batch size and epochs; ratios in one run."""

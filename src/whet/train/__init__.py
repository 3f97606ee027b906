"""Where weights move: the loop, what drives it, and the state from which a run goes on."""

"""How trials end: every ending with its probability, or one simulated trial after the other."""

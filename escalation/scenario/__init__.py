"""What a user writes: scenario files, what is wrong with them, grids of their options, and truths."""

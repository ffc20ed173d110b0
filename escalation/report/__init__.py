"""Reports of a run. No arithmetic here: the numbers arrive finished."""

"""How results look. No arithmetic here: the numbers arrive finished."""

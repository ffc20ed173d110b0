"""What passes from designs to engines: a design compiled for a trial, as data."""

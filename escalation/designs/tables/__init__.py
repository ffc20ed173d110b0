"""Decision tables that users write: reading, rows, and checks."""

"""The report on a scenario: its sections, and how they become a file."""

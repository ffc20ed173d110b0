"""Questions about one trial: what it does next and why, where it stands, and how it may go on."""

"""What a page says of a result, one file a result."""

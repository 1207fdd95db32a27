"""What each stage does on Ray."""

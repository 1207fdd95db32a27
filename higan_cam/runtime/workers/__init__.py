"""What runs inside Ray's processes."""

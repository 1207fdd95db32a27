"""Pictures drawn anew against what they should be."""

"""Pictures drawn anew: larger, by what a network has learned that small ones lack, or in the manner of another."""

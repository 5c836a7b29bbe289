"""What Horarium does for itself, as jobs of its own."""

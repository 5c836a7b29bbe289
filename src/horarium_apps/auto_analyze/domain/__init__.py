"""What the application knows, without touching files, processes or tables."""

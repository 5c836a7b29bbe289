"""The plan: SQL tables that are the one truth about jobs, occurrences and runs. Engines are views of it."""

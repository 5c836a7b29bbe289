"""The commands of the application: `horarium auto-analyze`."""

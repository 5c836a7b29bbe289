"""Applications that ship with Horarium, each built on its public names only."""

"""Figures of Horarium beside its peers and raw SQL, measured in one run: ``python -m benchmarks --help``."""

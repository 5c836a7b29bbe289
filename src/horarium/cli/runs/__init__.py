"""`horarium runs`: what ran, what runs, what it wrote."""

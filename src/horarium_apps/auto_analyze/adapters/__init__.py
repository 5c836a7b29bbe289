"""One module for each service of the outside world."""

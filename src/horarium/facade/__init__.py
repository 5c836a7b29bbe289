"""The methods of `Scheduler`, by what they are about."""

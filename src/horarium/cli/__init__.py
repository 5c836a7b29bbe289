"""The command line: `horarium`. Everything here asks the facade, as an application would."""

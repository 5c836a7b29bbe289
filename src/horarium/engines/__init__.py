"""Engines: what drives ticks and carries runs. Views of the plan, never its owner."""

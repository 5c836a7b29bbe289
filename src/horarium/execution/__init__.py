"""Running runs: the registry of tasks, what a task is given (`Run`), steps, batches, child processes, the runner."""

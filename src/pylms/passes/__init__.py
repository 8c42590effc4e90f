"""Passes: one pure rewriting of functions a file, the runner, and the order in which they run."""

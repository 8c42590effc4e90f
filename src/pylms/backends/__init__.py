"""Backends: siblings that turn IR into something that runs, and never import each other."""

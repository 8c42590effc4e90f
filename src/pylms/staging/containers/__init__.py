"""Staged strings, lists and dicts, and the lists and dicts of generation time that may have to become such (ADR 10)."""

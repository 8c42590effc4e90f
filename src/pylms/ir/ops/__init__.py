"""The open set of primitives, one family a module: its type and effect rules. `catalogue` lists all."""

"""Staging: running virtualised Python on staged values to build IR (DESIGN D1 to D5)."""

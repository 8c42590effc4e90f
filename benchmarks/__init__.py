"""Benchmarks: `python -m benchmarks`. One file a workload, its competitors beside it, all measured in one run."""

"""How fast the worker is, and what it costs: run with `make bench`."""

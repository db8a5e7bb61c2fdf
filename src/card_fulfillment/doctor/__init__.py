"""Looking at everything that the worker needs, and saying what is wrong and what to do."""

"""Proving from outside that what subscribers see is what was committed."""

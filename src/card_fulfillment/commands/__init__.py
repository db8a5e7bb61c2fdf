"""Operators' commands, a module each, and what all of them begin and end with (`running`)."""

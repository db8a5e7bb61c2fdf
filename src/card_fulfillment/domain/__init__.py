"""The rules, pure: standard library only, no clock, no ids made, no I/O."""

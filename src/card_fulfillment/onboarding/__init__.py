"""Commands to write a vendor's profile with: check it, run its examples, explain a message."""

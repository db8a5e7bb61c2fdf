"""Vendors by configuration: a profile says what a vendor's words mean, and turns its messages into facts."""

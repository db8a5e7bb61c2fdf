"""Vendors by configuration: a profile says what a vendor's words mean, as facts."""

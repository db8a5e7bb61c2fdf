"""The demo: some dozens of cards on their way, told as stories, on servers of its own."""

"""What operators are shown: cards, bulk issuances, dead letters; a worker's health and metrics."""

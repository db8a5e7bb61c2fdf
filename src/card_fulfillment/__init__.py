"""Where every physical payment card and every bulk order is."""

"""What operators see: timelines now."""

"""What the Errors page shows."""

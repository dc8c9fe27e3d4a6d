"""What the Registry page shows and does."""

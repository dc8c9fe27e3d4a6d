"""What the pages Overview and Runs show and do."""

"""A person's own frames, segmented in a process of its own."""

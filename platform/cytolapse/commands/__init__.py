"""The commands: what each reads, writes and says. The work is done by the modules they call."""

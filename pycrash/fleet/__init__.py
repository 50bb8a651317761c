"""Many dumps: found, read each in a process of its own, kept by content, and told apart."""

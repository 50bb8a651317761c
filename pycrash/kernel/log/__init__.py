"""The message log of printk, and audit messages."""

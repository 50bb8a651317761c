"""Who waits for what, and who holds it: locks and what lies on the stacks of those that wait."""

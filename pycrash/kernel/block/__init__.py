"""Block devices: disks, their queues, and what is in flight."""

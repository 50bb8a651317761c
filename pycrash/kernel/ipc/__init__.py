"""System V semaphores, shared memory and messages."""

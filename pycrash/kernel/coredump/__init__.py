"""The core file of a user program, made of what the dump has of it."""

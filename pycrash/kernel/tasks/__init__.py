"""Tasks, their states, arguments, limits and memory, and which of them crashed."""

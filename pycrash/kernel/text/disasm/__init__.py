"""Instructions as text, written as binutils and gdb write them. capstone decodes."""

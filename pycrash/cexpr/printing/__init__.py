"""C types and values as gdb and crash write them."""

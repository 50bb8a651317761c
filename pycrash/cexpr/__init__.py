"""C text and C values: expressions, types, and values printed as gdb prints them."""

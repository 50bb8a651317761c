"""What an expression's tree means over a dump."""

"""Which file is which, and files made fit to be opened."""

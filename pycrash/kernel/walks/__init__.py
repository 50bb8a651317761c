"""Lists, trees, xarrays, maple trees: every walk bounded, one of each."""

"""One room an architecture."""

"""Memory management: slab caches."""

"""What every subsystem stands on: reads, types, structures, CPUs, what the dump says of itself."""

"""BPF programs and maps."""

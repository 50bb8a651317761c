"""Object files read in bulk: ELF, DWARF, line tables, relocation."""

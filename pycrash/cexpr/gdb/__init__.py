"""The commands of gdb that make sense on a dump, on top of the evaluator and the printers."""

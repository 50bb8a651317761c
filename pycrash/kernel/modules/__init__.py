"""Loadable modules and their object files."""

"""The scheduler: what each CPU runs."""

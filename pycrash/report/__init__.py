"""The report of a dump: a page of HTML to hand over."""

"""The commands of a dump as tools of the Model Context Protocol, for assistants."""

"""Devices as drivers register them: numbers, resources, buses."""

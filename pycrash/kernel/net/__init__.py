"""The network: devices and their addresses, neighbours, sockets."""

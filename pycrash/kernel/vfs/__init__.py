"""Files: dentries, mounts and path names, inodes, what tasks have open, cached pages."""

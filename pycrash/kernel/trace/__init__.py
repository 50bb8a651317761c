"""What ftrace wrote down before the kernel died."""

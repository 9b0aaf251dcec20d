"""What `dev/test`, `dev/demo` and `dev/lint` share: a machine made ready by itself."""

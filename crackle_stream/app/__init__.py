"""The program: configuration, plugins, logs and the command line around the library."""

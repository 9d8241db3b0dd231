"""The commands of the configuration: each is a module with `arguments(parser)` and `run(options)`."""

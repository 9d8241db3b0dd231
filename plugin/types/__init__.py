"""What Enzyme is told of types: by the configuration, by debug information, by the module."""

"""What Enzyme is told of functions: the rules of a unit."""

"""What is asked for: items, their signatures, and the IR text that asks Enzyme for them."""

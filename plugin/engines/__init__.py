"""Where an engine comes from, which one is taken, how it runs, and what becomes of its words."""

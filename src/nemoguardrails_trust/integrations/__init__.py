"""Other tools and libraries: where traces are kept, and where answers are made or evaluated."""

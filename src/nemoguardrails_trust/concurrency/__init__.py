"""Event loops in a thread, the pool that works through items, and garbage collection."""

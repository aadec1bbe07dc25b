"""Event loops in a thread, and the pool that works through items."""

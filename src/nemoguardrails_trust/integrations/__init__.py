"""Adapters to other tools: tracing, and libraries that write or evaluate answers."""

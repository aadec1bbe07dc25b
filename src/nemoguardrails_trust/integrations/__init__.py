"""Tools that keep an application's traces, each read and written through its own client."""

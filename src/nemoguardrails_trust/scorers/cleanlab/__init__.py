"""The hosted service, through its own clients."""

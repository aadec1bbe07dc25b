"""The server: clients of the hosted TLM service work on the user's own model."""

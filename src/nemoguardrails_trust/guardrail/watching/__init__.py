"""What the bot's own model call was given and gave, while it runs."""

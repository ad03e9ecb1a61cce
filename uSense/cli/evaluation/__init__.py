"""What `usense evaluate` found, as JSON, text, pictures and a page."""

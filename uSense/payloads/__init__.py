"""The shape of what uSense tells in topics and replies, one file a family; nothing but models."""

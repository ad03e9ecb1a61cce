"""The wire client of Azure Face, and the limiter that keeps it within what the resource allows."""

"""The Azure Face contract over HTTP, from the local recognizer: one file of routes a family of calls."""

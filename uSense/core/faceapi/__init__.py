"""The Azure Face contract without a server: what is asked, what is refused and in which words, how values look."""

"""The page to look at, and what programs of the house ask it: aiohttp, templates, and small modules of our own."""

"""The demo: the service of `usense run` in front of a scene made from two real photos, and somebody who listens."""

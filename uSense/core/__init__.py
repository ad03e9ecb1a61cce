"""The pure part of uSense: values and `now` in, values and events out; it never waits, reads or knows the time."""

"""Pure rules: no I/O, no clock, no asyncio. `now` is always an argument."""

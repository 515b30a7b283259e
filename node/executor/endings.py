"""How a run ended: the values of `fogchain.market.messages.Exit`, which would load more than a worker needs.

A test compares them.
"""

OK, NONZERO, TRAP, OUT_OF_FUEL, OUTPUT_LIMIT, BAD_MODULE, TIMEOUT, REFUSED = 0, 1, 2, 3, 4, 5, 16, 18

"""The endpoints for programs without an event loop: made of `fogchain.api.aio`, but for `link`, by which they go."""

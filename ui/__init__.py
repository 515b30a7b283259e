"""The panel: its own process, which sees a node only through the HTTP and WebSocket API."""

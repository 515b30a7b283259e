"""Many devices of one owner that work for one node, their gateway: who they are, what they can, what they run."""

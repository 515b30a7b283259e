"""Jobs: the job file, blobs by hash, the job machine and its store."""

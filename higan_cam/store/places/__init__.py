"""Where bytes lie: a local folder, memory, S3, Google's storage; one protocol (`backend`)."""

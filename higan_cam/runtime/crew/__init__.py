"""Who works: actors, the ledger of their attempts, the watch over those that hang."""

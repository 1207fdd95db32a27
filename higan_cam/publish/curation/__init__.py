"""Which samples are good enough: rules, near duplicates, balance; a selection beside the shards."""

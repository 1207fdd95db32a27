"""The lighting scorer: ResNet18 with an ordinal head."""

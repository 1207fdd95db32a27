"""What is measured, purely: masks against known light, and how scores answer an edit."""

"""A segmenter of faces, from drawn faces whose parts are known, or from a user's pictures with label maps."""

"""Light put into pictures, lamps told apart and translators, against the renderer's own light."""

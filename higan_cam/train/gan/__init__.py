"""A generator trained on a folder of pictures, against a discriminator."""

"""The guests that virtual machines boot: their sources, and build/, which makes them."""

"""Small networks that are trained to judge: they hold no weights of others."""

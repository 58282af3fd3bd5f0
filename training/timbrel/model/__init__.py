"""The autoencoder of the paper: encoder, decoder, and what surrounds them."""

"""Signal processing outside the networks: filter banks, spectra, noise."""

"""The same models behind this platform and behind its peers, on one machine, one after the other."""

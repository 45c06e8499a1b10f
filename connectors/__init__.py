"""One folder per channel, and `sandbox`: a stand-in for each platform on its own wire protocol."""

"""An invented region of any size: for a first look, for tests of scale and for measuring. Nobody in it exists."""

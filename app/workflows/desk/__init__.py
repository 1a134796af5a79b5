"""An officer's decision on an application, and what a deed would find before it is tried."""

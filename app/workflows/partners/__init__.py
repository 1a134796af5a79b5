"""Other systems: devices of elevators and the province's register."""

"""Who is on site: places, arrivals, check-outs, who else is there; daily checks and patrols of the use unit."""

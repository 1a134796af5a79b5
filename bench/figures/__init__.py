"""One module a path that is measured; every module here is run."""

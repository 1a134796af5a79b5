"""Personal data: own copies and requests, full views, how long they are kept, sealing anew."""

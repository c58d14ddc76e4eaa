"""How a notebook is run, stored and read. The website and the exercises are made with it."""

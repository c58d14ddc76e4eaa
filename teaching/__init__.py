"""How exercises become editions, releases and grades, and chapters become slides."""

"""How the book becomes the site: Sphinx extensions, scripts and styles, downloads."""

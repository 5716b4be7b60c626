"""Sphinx configuration of the documentation site: ``sphinx-build -W docs site``, without a network.

Every page is plain Markdown, readable on a code host as well. Sphinx adds the order, the search and
the reference of the Python functions from their docstrings.
"""

import marketsim

project = "marketsim"
author = "marketsim contributors"
release = version = marketsim.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["pictures", "pictures.py"]
nitpicky = False
suppress_warnings = ["config.cache"]

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings give the types

html_theme = "furo"
html_title = "marketsim"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": False}

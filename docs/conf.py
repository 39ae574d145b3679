"""The site: ``sphinx-build -W --keep-going -n docs SITE``, where a warning is an error."""

project = "pytest-unikernel"
extensions = ["myst_parser"]
exclude_patterns = ["generate"]
nitpicky = True
smartquotes = False  # "--sweep-window" is no dash
myst_heading_anchors = 3

html_theme = "furo"  # its fonts and scripts are the site's own: no page loads anything from elsewhere
html_title = "pytest-unikernel"
html_copy_source = False
html_show_sourcelink = False

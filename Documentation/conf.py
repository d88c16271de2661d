# SPDX-License-Identifier: GPL-2.0
# make docs: Sphinx reads this.

project = 'A movable software MSI window for iommufd'
root_doc = 'index'
html_theme = 'alabaster'
html_theme_options = {
    'page_width': '68em',
    'sidebar_width': '16em',
    'font_family': 'sans-serif',
    'font_size': '16px',
}
html_static_path = ['static']
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
highlight_language = 'none'

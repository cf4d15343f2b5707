"""Pages of the documentation: figures in JSON and prose in jinja2 templates make Markdown and pictures.

A command that measures writes JSON. Markdown and pictures can then be made again without measuring.
"""

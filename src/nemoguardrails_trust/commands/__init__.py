"""The commands of `nemo-trust`, a module each.

Their modules import nothing but typer, so that `nemo-trust --help` comes at once.
"""

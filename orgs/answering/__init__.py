"""How agents answer. `grounded` needs no key and no network; language models stand beside it as further
modules.
"""

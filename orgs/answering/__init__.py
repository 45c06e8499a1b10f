"""How agents answer. `grounded` needs no key and no network; language models are further modules
beside it.
"""

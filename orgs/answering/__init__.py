"""Answer as an agent. `grounded` needs no key and no network; language models are further modules
beside it.
"""

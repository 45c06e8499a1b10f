"""Accept events, advance conversations and deliver messages. Nothing enters or leaves a conversation
elsewhere.
"""

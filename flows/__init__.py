"""Flows: the flow file, the engine (state and event in, state and effects out), and ready-made flows."""

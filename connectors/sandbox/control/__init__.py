"""The control API: everything that people on the platforms can do and see, as JSON over HTTP.

Each module has the calls of one part. A call is a method that is marked by `view` or `action`, and its
arguments are those of the method.
"""

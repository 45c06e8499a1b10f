"""The program: settings, wiring, web server, command line and the embedded servers.

Nobody imports this package.
"""

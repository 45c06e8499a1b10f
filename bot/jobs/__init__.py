"""Work that belongs to no single conversation: declared here, queued in RQ, run by `desk jobs`.

A job is one module with a `Job` and one line in `registry`. Its body is asynchronous, idempotent, and stops
by itself when its time budget is spent. Arguments, results and logs contain ids and counts, never what people
wrote.
"""

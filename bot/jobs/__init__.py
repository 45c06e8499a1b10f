"""Work that belongs to no single conversation: declared here, carried by RQ, run by `desk jobs`.

A job is one module with a `Job` and one line in `registry`. Its body is asynchronous, idempotent and stops by
itself when its budget is spent. Arguments, results and logs hold ids and counts, never what people wrote.
"""

"""Delete files that nobody can read: those of erased customers, and files that were left half written."""

from datetime import timedelta

from bot.core.ids import new_id
from bot.jobs.job import Context, Counts, Job
from storage.files import Files
from storage.filestore import FileStore
from storage.inbox import Inboxes
from storage.keys import Keys

BATCH = 200


async def tidy_files(context: Context, *, batch: int = BATCH) -> Counts:
    """Delete unreadable files. Idempotent.

    Raises PlatformDown when the store is away: then it is tried again.
    """
    store = FileStore(context.files_url)
    keys = Keys(context.keyring)
    files = Files(context.database, keys, Inboxes(keys, new_id))
    swept = 0
    while not context.spent():
        done = await files.sweep(store, batch)
        swept += done
        if done < batch:
            break
    return {"swept": swept, "tidied": await store.tidy()}


job = Job(name="tidy-files", body=tidy_files, cron="41 * * * *", limit=timedelta(minutes=15))

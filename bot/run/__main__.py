"""The entry point of `desk`: load the program, then run it."""

import gc


def main() -> None:
    """Run `desk` with the arguments of this process.

    The garbage collector pauses while modules load: nothing of them is garbage, and looking for some is a
    third of the time until the program answers. What is loaded is never looked at again.
    """
    gc.disable()
    from bot.run.cli import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()

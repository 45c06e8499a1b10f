"""The entry point of `desk`: load the program, then run it."""

import gc


def main() -> None:
    """Run `desk` with the arguments of this process.

    The garbage collector pauses while modules load. Nothing of them is garbage, and searching them takes a
    third of the time until the program answers. What is loaded then is never searched again.
    """
    gc.disable()
    from bot.app.cli import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()

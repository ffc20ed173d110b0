"""Questions about many trials, one file each; they compile designs and drive the engines."""

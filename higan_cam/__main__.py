"""`python -m higan_cam`."""

from higan_cam.cli import main

if __name__ == "__main__":
    main()

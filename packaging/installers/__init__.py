"""What packaging/build.py is made of: the bundle for each system, and the installers round it. Standard library only."""

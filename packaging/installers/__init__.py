"""What packaging/build.py is made of: bundles, and the installers round them. The standard library alone."""

"""Feedback Workbench: teach a language model by judging what it says, on your own computer."""

__version__ = "0.1.0"

"""`workbench bench`: the same work done by us and by another library, in turns, on this machine.

Every side of a comparison is a child process of its own (`side.py`) that does one iteration when it is told to, so only
one of them works at a time (`alternating.py`). A comparison is a file: `ppo.py`, `reward.py`, `generate.py`, `head.py`;
what its sides do in their processes is in the files called `*_side.py`.
"""

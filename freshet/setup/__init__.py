"""Set-up of a machine: Java, jars, the JVM's class archive.

Start with `requirements.py`, which finds them; the other modules fetch or make them.
"""

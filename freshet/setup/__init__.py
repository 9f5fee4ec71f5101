"""What a machine needs: Java, jars, the JVM's class archive.

Start with `requirements.py` (looks for them); the other modules fetch or make them.
"""

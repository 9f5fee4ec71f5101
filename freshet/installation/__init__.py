"""What `freshet setup` makes once on a machine, each part idempotent: Java, the jars, the JVM's class archive."""

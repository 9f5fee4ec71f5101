"""A landing day beside the days before it: what is usual in this shop, and how far a day is from it."""

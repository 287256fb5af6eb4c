//! tracemalloc's own text of statistics and tracebacks.

// The forms of the service's answers, in the words of this page. Nothing else of the page knows them.

const listOf = value => (Array.isArray(value) ? value : []);
const numberOr = (value, other) => (typeof value === "number" ? value : other);
const textOr = (value, other) => (typeof value === "string" ? value : other);

// control: whether it is recorded, for how many nanoseconds yet (null: until somebody stops it), for how many by now.
function controlOf(answer) {
  const time = answer.time || {}, heap = answer.heap || {};
  const mode = textOr(heap.mode, "off");
  return {
    // What the program itself switched on goes on.
    time: { on: time.is_recording === true, left: time.by_program === true ? null : numberOr(time.ends_in_ns, null) },
    heap: { on: mode !== "off", mode, left: numberOr(heap.ends_in_ns, null), age: numberOr(heap.recorded_ns, 0), own: numberOr(heap.profiler_bytes, 0), installed: heap.is_installed !== false },
  };
}

// tracemalloc: rows that hold most, with what is left out.
function rowsOf(answer) {
  const rows = listOf(answer.rows).map((row, i) => ({
    key: textOr(row.name, ""),
    bytes: numberOr(row.bytes, 0),
    blocks: numberOr(row.blocks, 0),
    lower: numberOr(row.lower_bytes, row.bytes),
    upper: numberOr(row.upper_bytes, row.bytes),
    isEstimate: row.is_estimate === true,
    samples: numberOr(row.samples, 0),
    traceback: listOf(listOf(answer.top_result)[i]?.traceback).map(String),
  }));
  const { total = {}, other = {} } = answer;
  return {
    rows,
    mode: textOr(answer.mode, ""),
    unnamed: textOr(answer.unnamed, ""),
    total: { bytes: numberOr(total.bytes, 0), blocks: numberOr(total.blocks, 0) },
    other: { rows: numberOr(other.rows, 0), bytes: numberOr(other.bytes, 0), blocks: numberOr(other.blocks, 0) },
  };
}

// memory: the largest blocks and the process.
function memoryOf(answer) {
  const process = answer.process || {};
  const largest = listOf(answer.largest).map(row => ({
    key: `${textOr(row.name, "")} ${numberOr(row.size_low_bytes, 0)}`,
    name: textOr(row.name, ""),
    low: numberOr(row.size_low_bytes, 0),
    high: numberOr(row.size_high_bytes, 0),
    bytes: numberOr(row.bytes, 0),
    blocks: numberOr(row.blocks, 0),
    lower: numberOr(row.lower_bytes, row.bytes),
    upper: numberOr(row.upper_bytes, row.bytes),
    isEstimate: row.is_estimate === true,
    samples: numberOr(row.samples, 0),
    traceback: [],
  }));
  return {
    largest,
    unnamed: textOr(answer.unnamed, ""),
    process: {
      live: numberOr(process.live_bytes, null),
      peak: numberOr(process.peak_bytes, null),
      rss: numberOr(process.rss_bytes, null),
      limit: numberOr(process.cgroup_limit_bytes, null),
      explanation: listOf(process.explanation).map(String),
    },
  };
}

// inflight: requests, running threads, suspended calls. Stacks are outermost first, ages in nanoseconds or null.
function inFlightOf(answer) {
  const stackOf = stack => listOf(stack).map(call => ({
    name: textOr(call.function, "").trim() || "(unnamed)",
    source: call.file === "~" || !call.file ? "" : `${call.file}:${call.line}`,
    age: numberOr(call.since_ns, null),
  }));
  return {
    requests: listOf(answer.requests).map(request => ({ name: textOr(request.name, ""), age: numberOr(request.since_ns, null) })),
    threads: listOf(answer.threads).map(thread => ({ name: textOr(thread.name, ""), here: numberOr(thread.here_ns, null), stack: stackOf(thread.stack) })),
    unlisted: numberOr(answer.unlisted_requests, 0),
    suspended: listOf(answer.suspended).map(group => ({
      stack: stackOf(group.stack), count: numberOr(group.count, 1), age: numberOr(group.mean_since_ns, null),
    })),
  };
}

// Where each frame of a flamegraph lies. Flat arrays and loops: trees may be a million levels deep.

// Node 0 is the whole; path p is node p + 1; behind them stand the await parts of paths that have one.
// x and size are in the metric's unit. order holds the nodes level by level, each level from left to right;
// what has no size is in none.
function layoutOf(model, metric) {
  const { paths } = model.data;
  const n = paths.function.length;
  const waiting = [];
  if (metric.waits) metric.waits.forEach((wait, p) => { if (wait > 0) waiting.push(p); });
  const total = n + 1 + waiting.length;
  const parent = new Int32Array(total).fill(-1);
  const fn = new Int32Array(total).fill(-1);
  const own = new Float64Array(total);
  for (let p = 0; p < n; p++) {
    parent[p + 1] = paths.parent[p] + 1;
    fn[p + 1] = paths.function[p];
    own[p + 1] = metric.values[p];
  }
  waiting.forEach((p, i) => {
    parent[n + 1 + i] = p + 1;
    fn[n + 1 + i] = paths.function[p];
    own[n + 1 + i] = metric.waits[p];
  });
  const size = own.slice();
  for (let i = total - 1; i > 0; i--) size[parent[i]] += size[i];

  // Children by name, from left to right, await last: ranks in buckets, then lists filled from the right.
  const ranks = model.names.length + 1;
  const rankOf = i => (i > n ? ranks - 1 : model.rank[fn[i]]);
  const starts = new Int32Array(ranks + 1);
  for (let i = 1; i < total; i++) starts[rankOf(i) + 1]++;
  for (let r = 0; r < ranks; r++) starts[r + 1] += starts[r];
  const byRank = new Int32Array(total - 1);
  for (let i = 1; i < total; i++) byRank[starts[rankOf(i)]++] = i;
  const first = new Int32Array(total), next = new Int32Array(total);
  for (let k = total - 2; k >= 0; k--) {
    const i = byRank[k];
    if (size[i] > 0) {
      next[i] = first[parent[i]];
      first[parent[i]] = i;
    }
  }

  const x = new Float64Array(total);
  const depth = new Int32Array(total);
  const order = new Int32Array(total);
  const levels = [0];
  let filled = 1;
  for (let at = 0; at < filled;) {
    const end = filled;
    for (; at < end; at++) {
      let left = x[order[at]];
      for (let child = first[order[at]]; child; child = next[child]) {
        x[child] = left;
        depth[child] = levels.length;
        left += size[child];
        order[filled++] = child;
      }
    }
    levels.push(end);
  }
  return {
    parent, fn, own, size, x, depth, order, levels, first, next,
    isWait: i => i > n,
    height: levels.length - 1,
    // The node of that level at that place; -1 where there is none.
    at(level, place) {
      const k = this.firstFrom(level, place);
      if (k >= levels[level + 1]) return -1;
      const i = order[k];
      return x[i] <= place ? i : -1;
    },
    // Index into order of the level's first node that ends right of a place.
    firstFrom(level, place) {
      let low = levels[level], high = levels[level + 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (x[order[middle]] + size[order[middle]] > place) high = middle;
        else low = middle + 1;
      }
      return low;
    },
    // Size of the frames in and under `root` that match or lie under one that does, none counted twice.
    matched(root, matches) {
      for (let up = root; up > 0; up = parent[up]) if (matches[fn[up]]) return size[root];
      const inside = new Uint8Array(total);
      inside[root] = 1;
      let sum = 0;
      for (let i = root + 1; i < total; i++) {
        if (!inside[parent[i]]) continue;
        if (matches[fn[i]]) sum += size[i];
        else inside[i] = 1;
      }
      return sum;
    },
    // The functions from the root to a node, to find it again in other data.
    trail(node) {
      const trail = [];
      for (let i = node; i > 0; i = parent[i]) trail.push(model.keys[fn[i]]);
      return trail.reverse();
    },
    follow(trail) {
      let node = 0;
      for (const key of trail) {
        let child = first[node];
        while (child && model.keys[fn[child]] !== key) child = next[child];
        if (!child) break;
        node = child;
      }
      return node;
    },
  };
}

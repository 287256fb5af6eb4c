// The flamegraph on its canvas: only what is in sight is drawn, whatever the size of the tree.

const ROW = 19;
// Browsers end elements somewhere above this; deeper trees scroll proportionally.
const TALLEST = 8e6;
const FONT = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const HUES = { warm: [8, 46], cool: [196, 224], green: [96, 146], violet: [268, 308] };

// A number from 0 to 1 that stays a name's own, from page to page (FNV-1a).
function hashed(name) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
  return ((hash ^ hash >>> 13) >>> 0) / 2 ** 32;
}

// The graph over elements of the page; `onSelect` is told the function of a frame that is clicked.
function makeFlame({ box, canvas, spacer, tip, status, reset }, onSelect) {
  const context = canvas.getContext("2d");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let model, metric, layout, matches = null, selected = -1;
  let zoom = 0, cursor = -1, hovered = -1;
  let pointer = null;
  let width = 0, height = 0, pending = false, fills = new Map(), letter = 7;

  function color(fn, hue) {
    const key = `${hue} ${fn}`;
    if (!fills.has(key)) {
      const [from, to] = HUES[hue], shade = hashed(model.keys[fn]);
      const light = (dark.matches ? 34 : 70) + 8 * ((shade * 7) % 1);
      fills.set(key, `hsl(${from + (to - from) * shade} ${dark.matches ? 48 : 82}% ${light}%)`);
    }
    return fills.get(key);
  }

  const nameOf = i => (i === 0 ? "all" : layout.isWait(i) ? `await in ${model.short[layout.fn[i]]}` : model.short[layout.fn[i]]);
  const contentHeight = () => layout.height * ROW;
  const scrolled = () => {
    const room = spacer.offsetHeight, hidden = contentHeight() - height;
    return room > 0 ? box.scrollTop * (hidden / room) : 0;
  };

  function resize() {
    if (!layout) return;
    height = Math.min(contentHeight(), Math.max(8 * ROW, Math.floor(innerHeight * 0.4 / ROW) * ROW));
    box.style.height = `${height}px`;
    spacer.style.height = `${Math.min(contentHeight() - height, TALLEST)}px`;
    // Less the scrollbar, if there is one now.
    width = box.clientWidth;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    draw();
  }

  function later() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => { pending = false; draw(); });
  }

  function draw() {
    if (!layout || width === 0) return;
    const { x, size, order, levels, fn } = layout;
    const ratio = devicePixelRatio || 1, top = scrolled();
    const from = x[zoom], to = from + size[zoom], scale = width / (to - from);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = FONT;
    letter = context.measureText("m").width;
    context.textBaseline = "middle";
    const last = Math.min(layout.height, Math.ceil((top + height) / ROW));
    for (let level = Math.floor(top / ROW); level < last; level++) {
      const y = level * ROW - top;
      let painted = 0;
      for (let k = layout.firstFrom(level, from); k < levels[level + 1]; k++) {
        const i = order[k];
        if (x[i] >= to) break;
        const left = Math.max(0, (x[i] - from) * scale);
        const right = Math.min(width, (x[i] + size[i] - from) * scale);
        // Of frames finer than half a pixel, one stands for all that share it.
        if (right - painted < 0.5 && right < width) continue;
        painted = right;
        frame(i, left, y, Math.max(0.5, right - left - (right - left > 3 ? 1 : 0)), fn[i]);
      }
    }
  }

  function frame(i, left, y, wide, fn) {
    const dimmed = (matches && !(i > 0 && matches[fn])) || layout.depth[i] < layout.depth[zoom];
    context.globalAlpha = dimmed ? 0.42 : 1;
    context.fillStyle = i === 0 ? (dark.matches ? "#3a4352" : "#d5dbe5")
      : matches && matches[fn] ? (dark.matches ? "#a0369f" : "#f08cf0")
      : color(fn, layout.isWait(i) ? "cool" : metric.hue);
    context.fillRect(left, y, wide, ROW - 1);
    if (i > 0 && fn === selected && wide > 2) outline(left, y, wide, dark.matches ? "#fff" : "#1c2330", 1);
    if (i === cursor && document.activeElement === box) outline(left, y, wide, dark.matches ? "#8ab4ff" : "#1f5eff", 2);
    if (i === hovered) outline(left, y, wide, dark.matches ? "#e4e8ef" : "#1c2330", 1);
    const text = fitted(i === 0 ? `all, ${UNITS[metric.unit].text(layout.size[0])}` : nameOf(i), wide - 8);
    if (text) {
      context.fillStyle = dark.matches ? "#f3f5f9" : "#1a1f2b";
      context.fillText(text, left + 4, y + ROW / 2);
    }
    context.globalAlpha = 1;
  }

  function outline(left, y, wide, style, line) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.strokeRect(left + line / 2, y + line / 2, Math.max(0, wide - line), ROW - 1 - line);
  }

  // As much of a text as there is room for, cut with a mark; nothing below three letters.
  function fitted(text, room) {
    if (room < 3 * letter) return "";
    if (/^[ -~]*$/.test(text)) {
      const fits = Math.floor(room / letter);
      return text.length <= fits ? text : `${text.slice(0, fits - 1)}\u2026`;
    }
    // Letters of unlike widths, whole ones.
    const letters = Array.from(text);
    let low = 0, high = letters.length;
    if (context.measureText(text).width <= room) return text;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${letters.slice(0, middle).join("")}\u2026`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low > 0 ? `${letters.slice(0, low).join("")}\u2026` : "";
  }

  function describe(i) {
    const unit = UNITS[metric.unit], { size, own, fn } = layout;
    const lines = [nameOf(i)];
    if (i > 0 && model.sources[fn[i]]) lines.push(model.sources[fn[i]]);
    const shares = [`${percent(size[i], size[0])} of all`];
    if (zoom > 0) shares.push(`${percent(size[i], size[zoom])} of view`);
    lines.push(`${unit.text(size[i])} (${unit.exact(size[i])}), ${shares.join(", ")}`);
    if (i > 0 && !layout.isWait(i)) lines.push(`self ${unit.text(own[i])} (${unit.exact(own[i])})`);
    return lines;
  }

  function hit(event) {
    const place = canvas.getBoundingClientRect();
    const level = Math.floor((event.clientY - place.top + scrolled()) / ROW);
    if (!layout || level < 0 || level >= layout.height || event.clientY >= place.bottom) return -1;
    const from = layout.x[zoom];
    return layout.at(level, from + (event.clientX - place.left) / width * layout.size[zoom]);
  }

  function hover(event) {
    pointer = event;
    const i = event ? hit(event) : -1;
    if (i !== hovered) {
      hovered = i;
      later();
    }
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren(...describe(i).map(line => el("div", "", line)));
    const { offsetWidth, offsetHeight } = tip;
    const below = event.clientY + 18;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - offsetWidth - 8))}px`;
    tip.style.top = `${below + offsetHeight < innerHeight ? below : Math.max(4, event.clientY - offsetHeight - 10)}px`;
  }

  function say() {
    const i = cursor >= 0 ? cursor : zoom;
    status.textContent = i > 0 ? describe(i).filter((_, line) => line !== 1 || !model.sources[layout.fn[i]]).join(" \u00b7 ") : "";
    reset.hidden = zoom === 0;
  }

  function zoomTo(i) {
    zoom = i;
    say();
    later();
    graph.onView();
  }

  function choose(i) {
    cursor = i;
    zoomTo(layout.isWait(i) ? layout.parent[i] : i);
    if (i > 0) onSelect(layout.fn[i]);
  }

  function reveal(i) {
    const y = layout.depth[i] * ROW, top = scrolled();
    const hidden = contentHeight() - height;
    if (hidden > 0 && (y < top || y + ROW > top + height)) {
      box.scrollTop = Math.max(0, y - height / 2) / (hidden / spacer.offsetHeight);
    }
  }

  function beside(i, step) {
    const { order, levels, depth } = layout;
    const level = depth[i];
    const k = layout.firstFrom(level, layout.x[i]) + step;
    if (k < levels[level] || k >= levels[level + 1]) return i;
    const other = order[k];
    const inView = layout.x[other] >= layout.x[zoom] && layout.x[other] < layout.x[zoom] + layout.size[zoom];
    return inView || depth[zoom] > level ? other : i;
  }

  function widestChild(i) {
    let best = i;
    for (let child = layout.first[i]; child; child = layout.next[child]) {
      if (best === i || layout.size[child] > layout.size[best]) best = child;
    }
    return best;
  }

  function key(event) {
    if (!layout || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = cursor < 0 ? zoom : cursor;
    const moves = {
      ArrowDown: () => (cursor < 0 ? zoom : widestChild(at)),
      ArrowUp: () => Math.max(0, layout.parent[at]),
      ArrowLeft: () => beside(at, -1),
      ArrowRight: () => beside(at, 1),
      Home: () => 0,
    };
    if (Object.hasOwn(moves, event.key)) {
      cursor = moves[event.key]();
      reveal(cursor);
      say();
      later();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(at);
    } else if (event.key === "Escape" && (zoom > 0 || cursor >= 0)) {
      cursor = -1;
      zoomTo(0);
      event.stopPropagation();
    } else {
      return;
    }
    event.preventDefault();
  }

  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("click", event => {
    const i = hit(event);
    if (i >= 0) choose(i);
  });
  box.addEventListener("keydown", key);
  box.addEventListener("focus", later);
  box.addEventListener("blur", later);
  box.addEventListener("scroll", () => { hover(null); later(); });
  reset.addEventListener("click", () => { cursor = -1; zoomTo(0); box.focus({ preventScroll: true }); });
  dark.addEventListener("change", () => { fills = new Map(); later(); });
  new ResizeObserver(resize).observe(box.parentElement);
  addEventListener("resize", resize);

  const graph = {
    onView() {},
    // Shows a metric of a model, keeping to the frame that was zoomed to.
    show(newModel, newMetric) {
      const place = layout ? [layout.trail(zoom), cursor < 0 ? null : layout.trail(cursor)] : [[], null];
      if (model !== newModel) fills = new Map();
      [model, metric] = [newModel, newMetric];
      layout = layoutOf(model, metric);
      zoom = layout.follow(place[0]);
      cursor = place[1] ? layout.follow(place[1]) : -1;
      hovered = -1;
      resize();
      // Whoever is reading goes on reading, the newer figures.
      hover(pointer);
      say();
    },
    mark(newMatches, newSelected) {
      [matches, selected] = [newMatches, newSelected];
      later();
    },
    // Share of the view that matches.
    share: () => (matches && layout ? percent(layout.matched(zoom, matches), layout.size[zoom]) : ""),
    isZoomed: () => zoom > 0,
  };
  return graph;
}

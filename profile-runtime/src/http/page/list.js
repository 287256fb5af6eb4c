// A table whose rows open to show more. Newer rows come in under the reader's eyes: what was open, chosen, sorted by
// and focused stays so.

// columns: { id, title, meaning, value(row), text(row), exact(row), share(row) }. nameOf(row) gives nodes,
// openTo(row) what a row opens to. sort: { id, down }, or null where the order is the rows' own.
function makeList(box, { label, nameTitle, nameMeaning, columns, nameOf, openTo, sort, none }) {
  const table = el("table", "grid list"), head = el("thead"), body = el("tbody"), foot = el("p", "more");
  const shown = el("span"), all = el("button", "", "Show all");
  const open = new Set();
  let rows = [], stop = "", limit = STEP;

  table.setAttribute("role", "treegrid");
  table.setAttribute("aria-label", label);
  all.type = "button";
  all.addEventListener("click", () => { limit = Infinity; arrange(); });
  foot.append(shown, " ", all);
  table.append(head, body);
  const scroller = el("div", "box");
  scroller.append(table);
  box.replaceChildren(scroller, foot);
  const top = el("tr");
  if (sort) {
    top.append(sortHeading("name", nameTitle, nameMeaning, sort, arrange),
      ...columns.map(column => sortHeading(column.id, column.title, column.meaning, sort, arrange)));
  } else {
    for (const { title, meaning } of [{ title: nameTitle, meaning: nameMeaning }, ...columns]) {
      const th = el("th", "plain", title);
      th.scope = "col";
      th.title = meaning;
      top.append(th);
    }
  }
  head.append(top);

  function rowOf(row) {
    const tr = el("tr"), name = el("th");
    tr.dataset.key = row.key;
    tr.tabIndex = -1;
    tr.setAttribute("aria-level", "1");
    tr.setAttribute("aria-expanded", open.has(row.key));
    name.scope = "row";
    name.append(...nameOf(row));
    tr.append(name);
    for (const column of columns) {
      const td = cell("td", column.text(row), column.exact(row), column.share ? column.share(row) : 0);
      td.dataset.id = column.id;
      if (column.share) td.classList.add("share");
      if (column.tone) td.classList.add(...column.tone(row));
      tr.append(td);
    }
    if (!open.has(row.key)) return [tr];
    const below = el("tr", "below"), td = el("td");
    below.setAttribute("aria-level", "2");
    td.colSpan = columns.length + 1;
    const content = el("div");
    content.append(...openTo(row));
    td.append(content);
    below.append(td);
    return [tr, below];
  }

  const focusable = () => Array.from(body.querySelectorAll("tr[tabindex]"));

  function arrange() {
    const hadFocus = body.contains(document.activeElement);
    let sorted = rows;
    const column = sort && columns.find(c => c.id === sort.id);
    if (column) {
      sorted = rows.slice().sort((a, b) => (column.value(a) === null) - (column.value(b) === null)
        || (sort.down ? column.value(b) - column.value(a) : column.value(a) - column.value(b)) || (a.key < b.key ? -1 : 1));
    } else if (sort) {
      sorted = rows.slice().sort((a, b) => (sort.down ? -1 : 1) * (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    }
    if (sort) markSorted(head, sort);
    const visible = sorted.slice(0, limit);
    body.replaceChildren(...visible.flatMap(rowOf));
    if (!visible.some(row => row.key === stop)) stop = visible.length ? visible[0].key : "";
    for (const tr of focusable()) tr.tabIndex = tr.dataset.key === stop ? 0 : -1;
    // That is the row that had the focus, or another where it has gone.
    if (hadFocus) body.querySelector("tr[tabindex='0']")?.focus({ preventScroll: true });
    foot.hidden = rows.length > 0 && rows.length === visible.length;
    shown.textContent = rows.length === 0 ? none() : `${count(visible.length)} of ${count(rows.length)} shown.`;
    all.hidden = rows.length === visible.length;
    scroller.hidden = rows.length === 0;
  }

  function toggle(key) {
    if (!open.delete(key)) open.add(key);
    arrange();
  }

  body.addEventListener("click", event => {
    const tr = event.target.closest("tr[tabindex]");
    if (!tr || !getSelection().isCollapsed) return;
    stop = tr.dataset.key;
    toggle(stop);
  });
  body.addEventListener("keydown", event => {
    const tr = event.target.closest("tr[tabindex]");
    if (!tr) return;
    if (moveInRows(event, focusable(), tr)) {
      stop = document.activeElement.dataset.key;
      return;
    }
    const isOpen = open.has(tr.dataset.key), plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!plain) return;
    if (event.key === "Enter" || event.key === " " || event.key === (isOpen ? "ArrowLeft" : "ArrowRight")) {
      toggle(tr.dataset.key);
      event.preventDefault();
    }
  });
  body.addEventListener("focusin", event => {
    const tr = event.target.closest("tr[tabindex]");
    if (tr) stop = tr.dataset.key;
  });

  return {
    // Rows have a key each, no two the same.
    show(newRows) {
      rows = newRows;
      arrange();
    },
  };
}

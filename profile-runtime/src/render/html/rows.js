// What all tables have in common: headings to sort by, and moving from row to row by keyboard.

// The heading of a column. A click sorts by it, the largest first, names from A on; the next the other way round.
function sortHeading(id, title, meaning, sort, arrange) {
  const th = el("th"), button = el("button", "", title);
  th.scope = "col";
  th.dataset.id = id;
  button.type = "button";
  button.title = meaning;
  button.addEventListener("click", () => {
    sort.down = sort.id === id ? !sort.down : id !== "name";
    sort.id = id;
    arrange();
  });
  th.append(button);
  return th;
}

function markSorted(head, sort) {
  for (const th of head.querySelectorAll("th")) {
    if (th.dataset.id === sort.id) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  }
}

// Moves the focus from a row to another, which is then the one stop for Tab. True where the key was one for that.
function moveInRows(event, rows, tr) {
  const at = rows.indexOf(tr);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 10, PageUp: at - 10, Home: 0, End: rows.length - 1 };
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(to, event.key)) return false;
  const other = rows[Math.max(0, Math.min(rows.length - 1, to[event.key]))];
  tr.tabIndex = -1;
  other.tabIndex = 0;
  other.focus({ preventScroll: true });
  other.scrollIntoView({ block: "nearest", inline: "nearest" });
  event.preventDefault();
  return true;
}

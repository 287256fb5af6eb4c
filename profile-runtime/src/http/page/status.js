// What the page says of itself: troubles, each until it has passed, and what was done.

const status = (() => {
  // By what was asked, so that one thing's success does not hide another's trouble.
  const troubles = new Map();
  // Only what has changed is announced.
  const write = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const show = () => {
    write("trouble", Array.from(new Set(troubles.values())).join(" "));
    document.body.classList.toggle("is-stale", troubles.size > 0);
  };
  let timer = 0;
  return {
    failed(what, words) { troubles.set(what, words); show(); },
    worked(what) { if (troubles.delete(what)) show(); },
    say(text) {
      write("said", text);
      clearTimeout(timer);
      timer = setTimeout(() => write("said", ""), 8000);
    },
    updated(text, exact) {
      $("updated").textContent = `updated ${text}`;
      $("updated").title = exact;
    },
  };
})();

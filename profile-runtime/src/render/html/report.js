// The report: one object, in the page itself.

globalThis.profileCost = { render };
render(JSON.parse($("data").textContent));

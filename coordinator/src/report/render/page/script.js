"use strict";
// Heads sort their column (up, down, as it was); long tables get a filter; printing opens what is folded.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], rows = [...body.rows];
  if (rows.length < 3) continue;
  const text = (row, column) => {
    let at = 0;
    for (const cell of row.cells) { at += cell.colSpan; if (at > column) return cell.textContent.replaceAll("\u2212", "-").trim(); }
    return "";
  };
  const number = (text) => {
    const found = /[-+]?\d+(\.\d+)?(e[-+]?\d+)?/.exec(text);
    return found ? Number(found[0]) : NaN;
  };
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button"), numeric = !head.classList.contains("text");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
      const order = next === undefined ? "ascending" : next;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) head.setAttribute("aria-sort", order);
      const way = order === "descending" ? -1 : 1;
      const keyed = rows.map((row) => [row, numeric ? number(text(row, column)) : text(row, column)]);
      const compare = ([, a], [, b]) => {
        if (!numeric) return way * a.localeCompare(b, "en", { numeric: true });
        return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : way * (a - b);
      };
      body.append(...(order ? keyed.sort(compare) : keyed).map(([row]) => row));
    });
  });
  if (rows.length > 15) {
    const filter = document.createElement("input");
    filter.className = "filter";
    filter.type = "search";
    filter.placeholder = "Filter " + rows.length + " rows";
    filter.setAttribute("aria-label", filter.placeholder);
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const all = row.textContent.replaceAll("\u2212", "-").toLowerCase();
        row.hidden = !words.every((word) => all.includes(word));
      }
    });
    table.closest(".scroll").before(filter);
  }
}
const opened = [];
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) { fold.open = true; opened.push(fold); }
});
addEventListener("afterprint", () => { for (const fold of opened.splice(0)) fold.open = false; });

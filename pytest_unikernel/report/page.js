"use strict";
// The page's one script: the text of a mark on hover, by keys and by taps, and the filter by target.
// Without it the page lacks nothing else.
(() => {
  const NEAR_PX = 22, POINT_PX = 48;
  const each = (selector, from = document) => [...from.querySelectorAll(selector)];
  const texts = new Map();
  const tip = document.createElement("div");
  let lit = null;

  const known = JSON.parse(document.querySelector("template.texts").content.textContent);
  for (const mark of each("[data-text]")) {
    const [target, text] = known.texts[mark.dataset.text];
    texts.set(mark, text);
    if (known.targets[target]) mark.dataset.target = known.targets[target];
  }
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  document.body.append(tip);

  const marksOf = (chart) => each("svg *", chart).filter((mark) => texts.has(mark) && mark.getClientRects().length);

  // A point is found from near by; a line, an area or a bar only where it is.
  function nearest(chart, x, y) {
    let best = null, least = NEAR_PX;
    for (const mark of marksOf(chart)) {
      const box = mark.getBoundingClientRect();
      if (Math.max(box.width, box.height) > POINT_PX) continue;
      const away = Math.hypot(x - (box.left + box.right) / 2, y - (box.top + box.bottom) / 2);
      if (away < least) [best, least] = [mark, away];
    }
    return best;
  }

  // Keys stop once at each text; lines and areas say no more than their points.
  function stopsOf(chart) {
    const marks = marksOf(chart), points = marks.filter((mark) => !mark.closest(".mark-line, .mark-area"));
    return [...new Map((points.length ? points : marks).map((mark) => [texts.get(mark), mark])).values()];
  }

  function show(mark, x, y) {
    hide();
    lit = mark;
    mark.classList.add("lit");
    tip.textContent = texts.get(mark);
    tip.hidden = false;
    const box = tip.getBoundingClientRect(), room = 12;
    const left = x + room + box.width > innerWidth ? x - room - box.width : x + room;
    const top = y + room + box.height > innerHeight ? y - room - box.height : y + room;
    tip.style.left = `${scrollX + Math.max(4, Math.min(left, innerWidth - box.width - 4))}px`;
    tip.style.top = `${scrollY + Math.max(4, top)}px`;
  }

  function hide() {
    if (lit) lit.classList.remove("lit");
    lit = null;
    tip.hidden = true;
  }

  function point(event) {
    const under = event.target.closest ? event.target.closest("svg *") : null;
    const mark = nearest(event.currentTarget, event.clientX, event.clientY) || (texts.has(under) ? under : null);
    if (mark) show(mark, event.clientX, event.clientY);
    else hide();
  }

  const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  function key(event) {
    if (event.key === "Escape") hide();
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    const marks = stopsOf(event.currentTarget);
    if (!marks.length) return;
    const from = marks.indexOf(lit), move = MOVES[event.key];
    const to = from < 0 && Math.abs(move) === 1 ? 0 : Math.max(0, Math.min(marks.length - 1, from + move));
    marks[to].scrollIntoView({ block: "nearest" });
    const box = marks[to].getBoundingClientRect();
    show(marks[to], (box.left + box.right) / 2, (box.top + box.bottom) / 2);
  }

  for (const chart of each(".chart > [role=img]")) {
    if (!marksOf(chart).length) continue;
    chart.tabIndex = 0;
    chart.setAttribute("role", "application");
    chart.setAttribute("aria-roledescription", "chart, arrow keys go from mark to mark");
    chart.addEventListener("pointermove", point);
    chart.addEventListener("pointerdown", point);
    chart.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    chart.addEventListener("keydown", key);
    chart.addEventListener("blur", hide);
  }
  document.addEventListener("pointerdown", (event) => event.target.closest(".chart") || hide());

  each(".hint").forEach((hint) => { hint.hidden = false; });

  // The filter: marks, charts and rows have their target; texts of axes and legends are their target's label.
  const filter = document.querySelector(".filter");
  if (!filter) return;
  const boxes = each("input", filter), note = document.querySelector(".unshown");
  const labels = boxes.map((box) => box.value);
  const entries = each(".role-legend-label text, .role-axis-label text").map((text) => [entry(text), labelOf(text)]);

  function labelOf(text) {
    const shown = text.textContent, cut = shown.endsWith("…") ? shown.slice(0, -1) : null;
    const found = labels.filter((label) => label === shown || (cut && label.startsWith(cut)));
    return found.includes(shown) ? shown : found.length === 1 ? found[0] : null;
  }

  function entry(text) {
    const label = text.closest(".role-legend-label");
    return label ? label.parentNode.parentNode : text;
  }

  const empty = (part, rows) => {
    const all = each(rows, part);
    part.classList.toggle("off", all.length > 0 && all.every((row) => row.classList.contains("off")));
  };

  function apply() {
    const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    each("[data-target]").forEach((part) => part.classList.toggle("off", off.has(part.dataset.target)));
    entries.forEach(([part, label]) => part.classList.toggle("off", off.has(label)));
    each("section").forEach((section) => empty(section, "figure, tbody tr"));
    note.textContent = off.size ? `Not shown: ${[...off].join(", ")}.` : "";
    hide();
  }

  filter.hidden = false;
  filter.addEventListener("change", apply);
  each("button", filter).forEach((button) => button.addEventListener("click", () => {
    boxes.forEach((box) => { box.checked = button.value === "all"; });
    apply();
  }));
  apply(); // a browser may have kept the boxes of an earlier visit
})();

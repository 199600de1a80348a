"use strict";

const tables = [...document.querySelectorAll("[data-table]")].map((node) => new SortedTable(node));
const figures = [...document.querySelectorAll("[data-chart]")].map((node) => new Figure(node));
const filters = document.getElementById("filters");
let turn = 0;

function fillSelect(name, all, words) {
  const select = filters.elements[name];
  select.append(element("option", { value: "" }, all));
  for (const value of known[name]) select.append(element("option", { value }, words ? words(value) : value));
  select.closest("label").hidden = known[name].length < 2;
  select.addEventListener("change", () => update({ [name]: select.value }));
}

function fillChips(name) {
  const box = filters.querySelector(`[data-chips="${name}"]`);
  for (const value of known[name]) {
    const chip = element("button", { type: "button", "aria-pressed": "false", "data-value": value });
    const colour = payload.colours[name]?.[value];
    if (colour) chip.append(element("span", { class: "dot", style: `background:${colour}` }));
    chip.append(value);
    chip.addEventListener("click", () => {
      const chosen = state[name].includes(value) ? state[name].filter((item) => item !== value) : [...state[name], value];
      update({ [name]: chosen.length === known[name].length ? [] : chosen });
    });
    box.append(chip);
  }
  box.closest("fieldset").hidden = known[name].length < 2;
}

function showFilters() {
  for (const name of one) filters.elements[name].value = state[name];
  for (const name of many) {
    const box = filters.querySelector(`[data-chips="${name}"]`);
    box.classList.toggle("some", state[name].length > 0);
    for (const chip of box.children) chip.setAttribute("aria-pressed", String(state[name].includes(chip.dataset.value)));
  }
  const cells = shownRows("verdicts").length;
  const all = rowsOf("verdicts").length;
  document.getElementById("showing").textContent = cells === all ? `all ${all} cells` : `${cells} of ${all} cells`;
  document.getElementById("reset").disabled = ![...one, ...many].some((name) => state[name].length);
}

async function drawFigures(chosen = figures) {
  const mine = ++turn;
  document.body.dataset.ready = "no";
  for (const figure of chosen) {
    await figure.render();
    // Let the browser answer clicks between two charts; a newer filter ends this round.
    await new Promise((resolve) => setTimeout(resolve));
    if (mine !== turn) return;
  }
  document.body.dataset.ready = "yes";
}

function draw() {
  showFilters();
  for (const table of tables) table.render();
  return drawFigures();
}

function update(change) {
  Object.assign(state, change);
  writeHash();
  return draw();
}

// Only the figures with such a selector change.
function pick(field, value) {
  state.picks[field] = value;
  writeHash();
  // A round that has not come to its end begins anew, since it may have drawn some of them already.
  if (document.body.dataset.ready === "no") return drawFigures();
  return drawFigures(figures.filter((figure) => figure.selects.some((select) => select.dataset.pick === field)));
}

function chooseCell(row) {
  const none = { problem: "", family: "", k: "" };
  update(isChosen(row) ? none : { problem: row.problem, family: row.family, k: String(row.n_components) });
}

function goTo(at) {
  const section = document.getElementById(at);
  if (!section) return;
  section.scrollIntoView();
  section.focus({ preventScroll: true });
}

for (const link of document.querySelectorAll("a[data-at]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    state.at = link.dataset.at;
    writeHash();
    goTo(state.at);
  });
}
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", (event) => {
  event.preventDefault();
  update({ problem: "", family: "", k: "", tolerance: "", method: [], initializer: [] });
});

// Back, forward and pasted addresses; what the page itself wrote changes nothing.
addEventListener("hashchange", () => {
  const before = JSON.stringify(state);
  readHash();
  if (JSON.stringify(state) !== before) draw();
});
dark.addEventListener("change", () => drawFigures());
let width = innerWidth;
addEventListener("resize", () => {
  if (Math.abs(innerWidth - width) < 12) return;
  width = innerWidth;
  drawFigures();
});

fillSelect("problem", "all");
fillSelect("family", "all");
fillSelect("k", "all");
fillSelect("tolerance", "all", (value) => `${Number(value).toExponential(0)} nats`);
fillChips("method");
fillChips("initializer");
readHash();
draw().then(() => goTo(state.at));

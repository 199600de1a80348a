"use strict";

const payload = JSON.parse(document.getElementById("payload").textContent);

// Columns to rows, once per table and only when it is first asked for.
const decoded = new Map();

function rowsOf(name) {
  if (!decoded.has(name)) {
    const table = payload.tables[name];
    const rows = Array.from({ length: table.rows }, () => ({}));
    for (const [column, data] of Object.entries(table.columns)) {
      const { levels, values, runs } = data;
      for (let i = 0, run = 0, left = runs?.[0]; i < table.rows; i++) {
        if (left === 0) left = runs[++run];
        if (runs) left--;
        const value = values[runs ? run : i % values.length];
        rows[i][column] = levels ? levels[value] : value;
      }
    }
    decoded.set(name, rows);
  }
  return decoded.get(name);
}

// What did not fit into the page is said wherever its table is used.
function cutNote(name) {
  const { rows, total } = payload.tables[name];
  return rows < total ? ` This page holds the first ${rows.toLocaleString("en")} of ${total.toLocaleString("en")} rows; the csv file beside it holds all.` : "";
}

function distinct(rows, column) {
  return [...new Set(rows.map((row) => row[column]))];
}

function namesOf(column, tables) {
  const found = new Set();
  for (const table of tables) {
    for (const row of rowsOf(table)) {
      if (row[column] !== undefined && row[column] !== "" && row[column] !== null) found.add(row[column]);
    }
  }
  return [...found];
}

const everywhere = ["verdicts", "hit_rates", "optima", "convergence", "statuses", "failures"];
const known = {
  problem: namesOf("problem", everywhere),
  family: namesOf("family", everywhere),
  k: namesOf("n_components", everywhere).sort((a, b) => a - b).map(String),
  method: Object.keys(payload.colours.method),
  initializer: namesOf("initializer", everywhere),
  tolerance: namesOf("tolerance", ["run_time", "convergence"]).sort((a, b) => b - a).map(String),
};

// What the page shows. Lists hold what was chosen; an empty one stands for everything.
const one = ["problem", "family", "k", "tolerance"];
const many = ["method", "initializer"];
// What charts of one value at a time show is chosen for all of them together, by field.
const state = { problem: "", family: "", k: "", tolerance: "", method: [], initializer: [], at: "", picks: {} };

function readHash() {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const name of one) {
    const value = hash.get(name) ?? "";
    state[name] = known[name].includes(value) ? value : "";
  }
  for (const name of many) state[name] = hash.getAll(name).filter((value) => known[name].includes(value));
  state.at = hash.get("at") ?? "";
  state.picks = Object.fromEntries([...hash].filter(([name]) => name.startsWith("pick.")).map(([name, value]) => [name.slice(5), value]));
}

function writeHash() {
  const hash = new URLSearchParams();
  for (const name of one) if (state[name]) hash.set(name, state[name]);
  for (const name of many) for (const value of state[name]) hash.append(name, value);
  for (const [field, value] of Object.entries(state.picks)) hash.set(`pick.${field}`, value);
  if (state.at) hash.set("at", state.at);
  if (location.hash.slice(1) !== hash.toString()) location.hash = hash.toString();
}

function passes(row) {
  return (
    (!state.problem || row.problem === undefined || row.problem === state.problem) &&
    (!state.family || row.family === undefined || row.family === state.family) &&
    (!state.k || row.n_components === undefined || String(row.n_components) === state.k) &&
    (!state.tolerance || row.tolerance === undefined || String(row.tolerance) === state.tolerance) &&
    (!state.method.length || ["method", "method_a", "method_b"].every((name) => row[name] === undefined || state.method.includes(row[name]))) &&
    (!state.initializer.length || row.initializer === undefined || state.initializer.includes(row.initializer))
  );
}

function shownRows(name) {
  return rowsOf(name).filter(passes);
}

function isChosen(row) {
  return state.problem === row.problem && state.family === row.family && state.k === String(row.n_components);
}

function toCsv(rows) {
  if (!rows.length) return "";
  const columns = Object.keys(rows[0]).filter((name) => name !== "cell" && name !== "faint");
  const quote = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))]
    .map((line) => line.map(quote).join(",") + "\n")
    .join("");
}

function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Small DOM builder: text only ever goes in as text, so that names from the tables cannot become markup.
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
